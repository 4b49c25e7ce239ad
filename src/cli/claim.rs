//! `claim`: what people have said or signed that exempts a call.

use super::args::{ConfigArgs, DncWhom};
use super::exit::Failure;
use super::remote::{ask, print_lines, store_or_server};
use crate::config::Config;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Args)]
pub(super) struct ClaimArgs {
    #[command(subcommand)]
    command: ClaimCommand,
}

#[derive(Subcommand)]
enum ClaimCommand {
    /// Record what a number's or customer's person has said or signed.
    Add {
        /// consent, running_contract, customer_requested_callback.
        claim: String,
        #[command(flatten)]
        whom: DncWhom,
        /// Only for calls with this purpose and its family.
        #[arg(long)]
        purpose: Option<String>,
        /// Only for calls of this case; needed of a request for a call back.
        #[arg(long)]
        case: Option<String>,
        /// Last day, YYYY-MM-DD. Default: until it is withdrawn.
        #[arg(long)]
        until: Option<String>,
        /// Call in which it was said.
        #[arg(long)]
        call: Option<String>,
        /// Where the proof is; needed without --call.
        #[arg(long)]
        evidence: Option<String>,
        /// When it was said, RFC 3339. Default: now.
        #[arg(long)]
        given_at: Option<String>,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Withdraw a claim, or all of a number or customer; at once.
    Withdraw {
        /// The claim's id.
        #[arg(long, conflicts_with_all = ["number", "customer"])]
        id: Option<String>,
        /// Number, E.164 or as dialled.
        number: Option<String>,
        /// Customer.
        #[arg(long)]
        customer: Option<String>,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// What is on record of a number or customer. Audited.
    Show {
        #[command(flatten)]
        whom: DncWhom,
        /// One JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

pub(super) fn claim(args: ClaimArgs) -> Result<(), Failure> {
    match args.command {
        ClaimCommand::Add { claim, whom, purpose, case, until, call, evidence, given_at, file } => {
            let request = json!({
                "cmd": "claim.add", "claim": claim, "number": whom.number,
                "customer": whom.customer, "purpose": purpose, "case": case, "until": until,
                "call": call, "evidence": evidence, "given_at": given_at,
            });
            let done = ask(&Config::load(&file.config)?, &request, |_| true)?.unwrap_or_default();
            println!("recorded: {}", done["id"].as_str().unwrap_or("?"));
            Ok(())
        }
        ClaimCommand::Withdraw { id, number, customer, reason, file } => {
            let request = json!({
                "cmd": "claim.withdraw", "id": id, "number": number, "customer": customer,
                "reason": reason,
            });
            let done = ask(&Config::load(&file.config)?, &request, |_| true)?.unwrap_or_default();
            println!("withdrawn: {}", done["withdrawn"]);
            Ok(())
        }
        ClaimCommand::Show { whom, json: as_json, file } => {
            let request = json!({
                "cmd": "claim.show", "number": whom.number, "customer": whom.customer,
            });
            let config = Config::load(&file.config)?;
            store_or_server(&config, &request, print_lines(as_json, shown))
        }
    }
}

fn shown(found: &Value) -> String {
    let claims = found["claims"].as_array().into_iter().flatten();
    let line = |claim: &Value| {
        let of = |name: &str| claim[name].as_str().unwrap_or_default().to_owned();
        let mut out = format!("{}  {}", of("id"), of("claim"));
        for name in ["purpose", "case", "until", "call", "evidence"] {
            let value = of(name);
            if !value.is_empty() {
                out += &format!("  {name} {value}");
            }
        }
        out += &format!("  given {} by {}", of("given_at"), of("added_by"));
        if let Some(at) = claim["withdrawn"]["at"].as_str() {
            out += &format!("  WITHDRAWN {at}");
        }
        out
    };
    let lines: Vec<String> = claims.map(line).collect();
    if lines.is_empty() { "none".to_owned() } else { lines.join("\n") }
}
