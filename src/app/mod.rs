//! R5: assembling the rooms: start, serve, drain.

mod admin;
mod agents;
mod audit;
mod auth;
mod build;
mod calendars;
mod clock;
mod commands;
mod desks;
mod dial_plans;
mod dry_run;
mod error;
mod health;
mod line_metrics;
mod lines;
mod link_metrics;
mod links;
mod lists;
mod metrics;
mod names;
mod orders;
mod people;
mod reconcile;
mod rule_text;
mod rules;
mod running;
mod secrets;
mod shadow;
mod shadow_report;
mod sip_thread;
mod trunk;
mod webhooks;

pub use auth::check_issuer;
pub use build::{certificates, store_config};
pub use calendars::{calendar_folder, imported_calendars};
pub use commands::{CommandError, store_command};
pub use dial_plans::dial_plans;
pub use dry_run::site_command;
pub use error::AppError;
pub use links::{check_links, link_names};
pub use reconcile::{Place, reconcile_command};
pub use rules::{
    all as all_rules, all_known as all_rules_known, from_files as rules_from_files,
    in_force as rules_in_force, odd as odd_rules,
};
pub use running::{Running, start};
pub use shadow::shadow_rules;
pub use webhooks::check_webhooks;
