//! Lists: what is there now.

use super::channel::State;
use super::switch::Switch;
use super::text::Block;

impl Switch {
    pub(super) fn list_bridges(&self) -> Vec<Block> {
        let item = |bridge: &String| {
            let block = Block::event("BridgeListItem").with("BridgeUniqueid", bridge);
            block.with("BridgeType", "basic").with("BridgeTechnology", "simple_bridge")
        };
        whole("BridgeListComplete", self.bridges().into_iter().map(item).collect())
    }

    pub(super) fn list_channels(&self) -> Vec<Block> {
        let item = |(uid, channel): (&String, &super::channel::Channel)| {
            let mut block = channel.describe(uid, "", Block::event("Status"));
            let made = channel.caller.is_some() || channel.then.is_some();
            block = match made {
                true => block.with("Application", "AppDial"),
                false => block.with("DNID", &channel.exten),
            };
            if let Some(bridge) = &channel.bridge {
                block = block.with("BridgeID", bridge);
            }
            let held = if channel.held { "1" } else { "0" };
            block = block.with("Variable", format!("CHANNEL(onhold)={held}"));
            let mark = channel.variables.get("TRUNKLINE_MARK").map_or("", String::as_str);
            block = block.with("Variable", format!("TRUNKLINE_MARK={mark}"));
            block
        };
        whole("StatusComplete", self.channels.iter().map(item).collect())
    }

    pub(super) fn list_queues(&self) -> Vec<Block> {
        let mut items = Vec::new();
        for queue in &self.settings.queues {
            let name = queue.name.as_str();
            items.push(Block::event("QueueParams").with("Queue", name));
            for (extension, phone) in &self.phones {
                if phone.queues.contains(name) {
                    items.push(self.membership(Block::event("QueueMember"), name, extension));
                }
            }
            let callers = self.channels.iter().filter(|(_, channel)| {
                channel.queue.as_deref() == Some(name)
                    && channel.extension().is_none()
                    && channel.state == State::Up
            });
            for (place, (uid, caller)) in callers.enumerate() {
                let block = caller.describe(uid, "", Block::event("QueueEntry"));
                items.push(block.with("Queue", name).with("Position", place + 1));
            }
        }
        whole("QueueStatusComplete", items)
    }
}

/// A list as it is sent: that it follows, its items, that it is complete.
fn whole(complete: &str, items: Vec<Block>) -> Vec<Block> {
    let count = items.len();
    let start = Block::success().with("EventList", "start").with("Message", "List will follow");
    let mut list = vec![start];
    list.extend(items);
    list.push(Block::event(complete).with("EventList", "Complete").with("ListItems", count));
    list
}
