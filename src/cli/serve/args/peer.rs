//! Peer Deployments, and which controllers run.

use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum, value_parser};

use crate::peer;

/// A controller that can be switched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli::serve) enum Controller {
    /// Keeps the replicas of peer Deployments in step with their bases.
    Peer,
    /// No controller: only the webhook.
    None,
}

/// Peer Deployments.
#[derive(Debug, Args)]
#[command(next_help_heading = "Peer Deployments")]
pub(in crate::cli::serve) struct PeerArgs {
    /// The controllers that this process runs while it holds the lease.
    #[arg(long, env = "WARDEN_CONTROLLERS", value_enum, value_delimiter = ',', default_value = "peer")]
    controllers: Vec<Controller>,
    /// The replicas of a Deployment are written at most once in so many seconds, and the departure of a base is followed
    /// after as many.
    #[arg(long, env = "WARDEN_PEER_WINDOW", default_value_t = 2, value_name = "SECONDS", value_parser = at_least(1))]
    peer_window: u64,
    /// When more than 55 % of a Deployment's bases, and at least 3, go within so many seconds, that is a mass loss.
    #[arg(long, env = "WARDEN_MASS_LOSS_WINDOW", default_value_t = 60, value_name = "SECONDS", value_parser = at_least(1))]
    mass_loss_window: u64,
    /// For how many seconds a mass loss is not followed; 0 follows it like any other.
    #[arg(long, env = "WARDEN_MASS_LOSS_HOLD", default_value_t = 300, value_name = "SECONDS", value_parser = at_least(0))]
    mass_loss_hold: u64,
}

/// Seconds, up to a day. Without any window two processes of warden that follow each other could do harm: what one has written
/// last, the other may not have seen yet.
fn at_least(seconds: u64) -> RangedU64ValueParser {
    value_parser!(u64).range(seconds..=24 * 60 * 60)
}

impl PeerArgs {
    /// Whether the controller of peer Deployments runs here.
    pub(in crate::cli::serve) fn controls_peers(&self) -> bool {
        self.controllers.contains(&Controller::Peer)
    }

    pub(in crate::cli::serve) fn settings(&self) -> peer::Settings {
        peer::Settings {
            window: Duration::from_secs(self.peer_window),
            loss_window: Duration::from_secs(self.mass_loss_window),
            loss_hold: Duration::from_secs(self.mass_loss_hold),
        }
    }
}
