pub struct DeskCommand;
pub struct DeskReport;
pub async fn run() {}
