//! The command line's words.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// CTI middleware between a PBX, its carriers and the agent desktops.
#[derive(Parser)]
#[command(name = "trunkline", version, about, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failure, 2 wrong command line, 3 wrong \
configuration or key, 4 data directory locked or damaged, 5 no server, 6 not found.")]
pub(super) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Play working days on loopback: carrier, phones and desks included.
    Demo(super::demo::DemoArgs),
    /// A site for developers of desktops: the real server with a virtual PBX, carrier and agents.
    Simulate(super::simulate::SimulateArgs),
    /// Check a desktop client: resume, commands, heartbeats, closes.
    Conform(super::conform::ConformArgs),
    /// One scripted peer of the demo.
    #[command(hide = true)]
    Peer(super::demo::PeerArgs),
    /// Serve until SIGTERM or Ctrl-C, then drain.
    Serve(ServeArgs),
    /// Read the configuration, rule sets and keys, and say what is wrong with them.
    Check(ConfigArgs),
    /// Make key files.
    Keys(KeysArgs),
    /// Ask the gate.
    Gate(GateArgs),
    /// Holidays and workdays that the gate goes by.
    Calendar(super::calendar::CalendarArgs),
    /// Make a running server read the gate's rules, its certificates for SIP and the issuer's keys anew.
    Reload(ConfigArgs),
    /// Show events as they become durable.
    Tail(TailArgs),
    /// The do-not-call list.
    Dnc(DncArgs),
    /// Claims on record: what people have said or signed that exempts a call.
    Claim(super::claim::ClaimArgs),
    /// Carrier lines: how they stand, test one, take one out.
    Trunk(TrunkArgs),
    /// The wall clock that the gate goes by: how it stands, confirm that it is right.
    Clock(ClockArgs),
    /// Control links to PBXs: how they stand.
    Link(LinkArgs),
    /// Sealed call records; every read is audited.
    Records(RecordsArgs),
    /// The hash-chained audit log.
    Audit(AuditArgs),
    /// Tokens for desks.
    Token(TokenArgs),
}

#[derive(Args, Clone)]
pub(super) struct ConfigArgs {
    /// Configuration file.
    #[arg(long, default_value = "trunkline.toml")]
    pub config: PathBuf,
}

#[derive(Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub file: ConfigArgs,
    /// Test builds only: wall time at the start, RFC 3339.
    #[cfg(debug_assertions)]
    #[arg(long)]
    pub clock: Option<String>,
}

#[derive(Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    pub command: KeysCommand,
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Make a key file: 32 random bytes, mode 0600. Never overwrites.
    Init {
        /// File to make; without it, those of the two that the configuration names and that are
        /// not there yet.
        #[arg(long)]
        out: Option<PathBuf>,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

#[derive(Args)]
pub(super) struct GateArgs {
    #[command(subcommand)]
    pub command: GateCommand,
}

#[derive(Subcommand)]
pub(super) enum GateCommand {
    /// Say whether a number may be dialled, why, and when next. Needs no server.
    Explain(Box<ExplainArgs>),
    /// Look for what is odd in rule set files: overlaps, empty weeks, windows that bans close,
    /// sets that never meet, rules without a clause. Exit code 1 if something is.
    Lint {
        /// Rule set files, TOML or .json. None: the shipped ones.
        files: Vec<PathBuf>,
        /// One JSON object a finding.
        #[arg(long)]
        json: bool,
    },
    /// Rules that are tried out live beside those in force.
    Shadow(super::shadow::ShadowArgs),
    /// Replay calls over rules that are tried out: what would they have blocked?
    DryRun {
        /// Calls, one JSON object a line as for `explain --batch`; `-`: standard input. Without
        /// them the calls that the server has stored (needs --config).
        #[arg(required_unless_present_any = ["from", "to"])]
        calls: Option<PathBuf>,
        /// Stored calls that started at or after this, RFC 3339. Default: 31 days ago.
        #[arg(long, conflicts_with = "calls", requires = "config")]
        from: Option<String>,
        /// Stored calls that started before this, RFC 3339. Default: now.
        #[arg(long, conflicts_with = "calls", requires = "config")]
        to: Option<String>,
        /// Rule set files to try out, all their sets together.
        #[arg(long, required = true)]
        rules: Vec<PathBuf>,
        #[command(flatten)]
        file: RulesArgs,
        /// JSON: an object for each call that changes, then the counts; of stored calls the
        /// counts alone.
        #[arg(long)]
        json: bool,
    },
    /// Hold a PBX's own call records against the decisions: what was dialled without one, what was
    /// refused and dialled all the same, what no record shows. Exit code 7 if something is not
    /// accounted for.
    Reconcile(Box<ReconcileArgs>),
}

#[derive(Args)]
pub(super) struct ReconcileArgs {
    /// Files with the records, or folders of them; may be given several times. Default: those of
    /// `[reconcile.NAME]` (needs --day).
    #[arg(long)]
    pub cdr: Vec<PathBuf>,
    /// asterisk-csv, asterisk-custom, freeswitch-csv, freeswitch-json or generic-csv. Default:
    /// that of `[reconcile.NAME]`, else asterisk-csv.
    #[arg(long)]
    pub format: Option<String>,
    /// Names of the columns in their order, with commas between, where the PBX writes others than
    /// by default.
    #[arg(long)]
    pub columns: Option<String>,
    /// The PBX. Default: the only one of the configuration.
    #[arg(long)]
    pub pbx: Option<String>,
    /// Calls of this day, YYYY-MM-DD.
    #[arg(long, conflicts_with_all = ["from", "to"])]
    pub day: Option<String>,
    /// Calls from this instant on, RFC 3339. Default: the first of the records.
    #[arg(long)]
    pub from: Option<String>,
    /// Calls before this instant, RFC 3339. Default: the last of the records.
    #[arg(long)]
    pub to: Option<String>,
    /// Zone of the records' local times and of the day. Default: that of `[reconcile.NAME]`, else
    /// the machine's.
    #[arg(long)]
    pub zone: Option<String>,
    /// Without a common id, record and call may be so many seconds apart. Default 5.
    #[arg(long)]
    pub tolerance: Option<u64>,
    /// Endpoint behind which the outside is, beside the `trunks` of `[pbx.NAME]`: PJSIP/carrier; may
    /// be given several times.
    #[arg(long)]
    pub trunk: Vec<String>,
    /// Context of the PBX's dialplan in which calls come in; may be given several times.
    #[arg(long)]
    pub inbound_context: Vec<String>,
    /// Print numbers in clear; the audit log says so.
    #[arg(long)]
    pub clear_numbers: bool,
    /// The report as one JSON object.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub file: ConfigArgs,
}

#[derive(Args)]
pub(super) struct ClockArgs {
    #[command(subcommand)]
    pub command: ClockCommand,
}

#[derive(Subcommand)]
pub(super) enum ClockCommand {
    /// Say whether the running server believes its clock, and why not.
    Show {
        /// One JSON object.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// The clock is right as it is: gated calls are decided by it again. Audited.
    Confirm(ConfigArgs),
}

/// Which rules.
#[derive(Args)]
pub(super) struct RulesArgs {
    /// Configuration with dial plan and rule sets of your own.
    #[arg(long)]
    pub config: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct ExplainArgs {
    /// Number as dialled.
    #[arg(required_unless_present = "batch")]
    pub number: Option<String>,
    /// PBX by which it is dialled (`asterisk`), or one of its trunks (`asterisk/PJSIP/carrier`): its
    /// dial plan reads the number. Default: that of `[gate]`.
    #[arg(long)]
    pub trunk: Option<String>,
    /// Answer questions of a file instead, one JSON object a line, with one line each; `-`:
    /// standard input.
    #[arg(long, conflicts_with_all = ["number", "purpose", "at"])]
    pub batch: Option<PathBuf>,
    /// Rule set files instead of those of the configuration; all their sets count together.
    #[arg(long)]
    pub rules: Vec<PathBuf>,
    /// Answer by these rule set files too, and say whether the verdict differs.
    #[arg(long, conflicts_with = "batch")]
    pub shadow: Vec<PathBuf>,
    /// Number that the callee will see.
    #[arg(long)]
    pub caller: Option<String>,
    /// What the call is about.
    #[arg(long)]
    pub subject: Option<String>,
    /// Case it belongs to.
    #[arg(long)]
    pub case: Option<String>,
    /// Campaign.
    #[arg(long)]
    pub campaign: Option<String>,
    /// What can be shown: consent, running_contract, customer_requested_callback.
    #[arg(long, value_delimiter = ',')]
    pub claim: Vec<String>,
    /// Tell also when the last lawful time before this instant ends, RFC 3339 with offset.
    #[arg(long)]
    pub before: Option<String>,
    /// Why the call is made, e.g. service, callback.routine, sales.
    #[arg(long)]
    pub purpose: Option<String>,
    /// Instant, RFC 3339 with offset. Default: the present.
    #[arg(long)]
    pub at: Option<String>,
    /// Rule set. Default: that of the configuration, else cn-seed-service.
    #[arg(long)]
    pub ruleset: Option<String>,
    /// Answer with what was known of the calendars at this instant, RFC 3339 with offset.
    #[arg(long, conflicts_with = "rules")]
    pub as_known_at: Option<String>,
    /// Configuration with dial plan and rule sets of your own.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// JSON instead of text.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(super) struct TailArgs {
    #[command(flatten)]
    pub file: ConfigArgs,
    /// Begin after this position instead of now.
    #[arg(long)]
    pub from: Option<u64>,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub(super) struct DncArgs {
    #[command(subcommand)]
    pub command: DncCommand,
}

#[derive(Subcommand)]
pub(super) enum DncCommand {
    /// Block a number, a customer or both. A shorter block never shortens a longer one.
    Add {
        /// Number, E.164 or as dialled.
        #[arg(required_unless_present = "customer")]
        number: Option<String>,
        /// Customer, as calls name them: all numbers of a person. Needs --until without a number.
        #[arg(long)]
        customer: Option<String>,
        /// Only for calls with this purpose and its family. Default: all.
        #[arg(long)]
        purpose: Option<String>,
        /// Why.
        #[arg(long, default_value = "do_not_disturb")]
        reason: String,
        /// Last blocked day, YYYY-MM-DD, or `forever`. Default: the rule sets' cool-down.
        #[arg(long)]
        until: Option<String>,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Take away what blocks a number or customer: one person asks and says why, another one
    /// agrees within an hour.
    Remove {
        #[command(flatten)]
        whom: DncWhom,
        /// Why; needed of who asks first.
        #[arg(long)]
        reason: Option<String>,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// What the list says of a number or customer, and which registers the number is on.
    Show {
        #[command(flatten)]
        whom: DncWhom,
        /// JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Block the numbers of a CSV file with a header line; docs/gate.md names its columns. UTF-8 or
    /// GB18030.
    Import {
        /// CSV file.
        csv: PathBuf,
        /// The file is an edition of this register, and takes the place of the one before.
        #[arg(long, requires = "issued")]
        list: Option<String>,
        /// Day of issue of the edition, YYYY-MM-DD.
        #[arg(long, requires = "list")]
        issued: Option<String>,
        /// Calling code of the numbers of a register that have none, as 44.
        #[arg(long, requires = "list")]
        calling_code: Option<String>,
        /// Take an edition that is more than a tenth smaller than the one before.
        #[arg(long, requires = "list")]
        accept_smaller: bool,
        /// Take nothing if a row is bad. Default: good rows are taken, and the exit code is 1.
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Write the entries in force as CSV, numbers in clear; audited.
    Export {
        /// File of mode 0600; left out: standard output.
        csv: Option<PathBuf>,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Editions of registers in force.
    Registers {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// List the entries.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

/// Whose entries.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct DncWhom {
    /// Number, E.164 or as dialled.
    pub number: Option<String>,
    /// Customer.
    #[arg(long)]
    pub customer: Option<String>,
}

#[derive(Args)]
pub(super) struct LinkArgs {
    #[command(subcommand)]
    pub command: LinkCommand,
}

#[derive(Subcommand)]
pub(super) enum LinkCommand {
    /// Show links: state, why, next try, the PBX's version, events lost, its clock.
    Show {
        /// Link (`asterisk/ami`) or PBX; without it, all.
        name: Option<String>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

#[derive(Args)]
pub(super) struct TrunkArgs {
    #[command(subcommand)]
    pub command: TrunkCommand,
}

#[derive(Subcommand)]
pub(super) enum TrunkCommand {
    /// Show lines: state, why, calls, the newest ten probes, registration, ratios.
    Show {
        /// Line; without it, all.
        name: Option<String>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Send one probe now and tell the answer; exit code 1 if it is no sign of life.
    Test {
        /// Line.
        name: String,
        /// One JSON object an address.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Take no new calls by a line; those in progress go on. Survives a restart.
    Drain {
        /// Line.
        name: String,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Use a line again after `drain` or `maintain`.
    Undrain {
        /// Line.
        name: String,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Take a line out for work on it: no new calls, and its failures start no duty.
    Maintain {
        /// Line.
        name: String,
        /// Use it again.
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

#[derive(Args)]
pub(super) struct RecordsArgs {
    #[command(subcommand)]
    pub command: RecordsCommand,
}

#[derive(Subcommand)]
pub(super) enum RecordsCommand {
    /// List records, newest first.
    Search {
        /// Caller's or callee's number.
        #[arg(long)]
        number: Option<String>,
        /// Inside device.
        #[arg(long)]
        device: Option<String>,
        /// Started at or after, RFC 3339. Default: 31 days ago.
        #[arg(long)]
        from: Option<String>,
        /// Started before, RFC 3339.
        #[arg(long)]
        to: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Show one record with its gate decision.
    Show {
        /// Call id.
        id: String,
        /// JSON on one line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

#[derive(Args)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    pub command: AuditCommand,
}

#[derive(Subcommand)]
pub(super) enum AuditCommand {
    /// Check the whole log: hashes, checkpoints, signed head, and each decision's record.
    Verify {
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Show the public key that checks the log's signatures, as 64 digits or as PEM.
    Key {
        /// PEM, as openssl reads it.
        #[arg(long)]
        pem: bool,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Sign with a new key from here on; the old one vouches for it in the log and is destroyed.
    RotateKey {
        /// Why; digits are not kept.
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        file: ConfigArgs,
    },
    /// Write a part of the log for an auditor, who needs nothing of ours to check it.
    Export(ExportArgs),
}

#[derive(Args)]
pub(super) struct ExportArgs {
    /// Made at or after, RFC 3339. Default: the first entry.
    #[arg(long)]
    pub from: Option<String>,
    /// Made before, RFC 3339. Default: all.
    #[arg(long)]
    pub to: Option<String>,
    /// Folder to make.
    #[arg(long)]
    pub out: PathBuf,
    /// Numbers in clear instead of masked; needs --reason, --token-file and the running server.
    #[arg(long, requires_all = ["reason", "token_file"])]
    pub clear_numbers: bool,
    /// Why the numbers must be in clear; digits are not kept.
    #[arg(long)]
    pub reason: Option<String>,
    /// File that holds the token of an auditor.
    #[arg(long)]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub file: ConfigArgs,
}

#[derive(Args)]
pub(super) struct TokenArgs {
    #[command(subcommand)]
    pub command: TokenCommand,
}

#[derive(Subcommand)]
pub(super) enum TokenCommand {
    /// Sign a token for a desk.
    Mint(MintArgs),
    /// Refuse tokens from here on and close their sockets. Survives a restart.
    #[command(group(clap::ArgGroup::new("what").required(true)))]
    Revoke {
        /// All tokens of this user that were issued up to now.
        #[arg(long, group = "what")]
        subject: Option<String>,
        /// The token of this id (claim `jti`).
        #[arg(long, group = "what")]
        id: Option<String>,
        #[command(flatten)]
        file: ConfigArgs,
    },
}

#[derive(Args)]
pub(super) struct MintArgs {
    /// Who.
    #[arg(long)]
    pub subject: String,
    /// agent, supervisor, service, ops, auditor or wallboard.
    #[arg(long)]
    pub role: String,
    /// Devices whose calls an agent may see.
    #[arg(long, value_delimiter = ',')]
    pub devices: Vec<String>,
    /// Agent that the user is, as `[agent.NAME]` names it.
    #[arg(long, default_value = "")]
    pub agent: String,
    /// Teams that a supervisor or a wallboard is bound to. Default: not bound.
    #[arg(long, value_delimiter = ',')]
    pub teams: Vec<String>,
    /// Valid for so long, e.g. 8h, 30m, 90s.
    #[arg(long, default_value = "8h")]
    pub expires: String,
    /// Valid from this instant, RFC 3339. Default: now.
    #[arg(long)]
    pub at: Option<String>,
    #[command(flatten)]
    pub file: ConfigArgs,
}
