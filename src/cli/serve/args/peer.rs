//! Peer Deployments, and which controllers run.

use std::ops::RangeInclusive;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum, value_parser};

use crate::settings::{GivenPeer, HOLD_SECONDS, WINDOW_SECONDS};

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
    /// What this process controls while it holds the lease.
    #[arg(long, env = "WARDEN_CONTROLLERS", value_enum, default_value = "peer", value_name = "CONTROLLER")]
    controllers: Controller,
    /// The replicas of a Deployment are written at most once in so many seconds, and the departure of a base is followed
    /// after as many [default: 2].
    #[arg(long, env = "WARDEN_PEER_WINDOW", value_name = "SECONDS", value_parser = within(WINDOW_SECONDS))]
    peer_window: Option<u64>,
    /// When more than 55 % of a Deployment's bases, and at least 3, go within so many seconds, that is a mass loss
    /// [default: 60].
    #[arg(long, env = "WARDEN_MASS_LOSS_WINDOW", value_name = "SECONDS", value_parser = within(WINDOW_SECONDS))]
    mass_loss_window: Option<u64>,
    /// For how many seconds a mass loss is not followed; 0 follows it like any other [default: 300].
    #[arg(long, env = "WARDEN_MASS_LOSS_HOLD", value_name = "SECONDS", value_parser = within(HOLD_SECONDS))]
    mass_loss_hold: Option<u64>,
}

fn within(seconds: RangeInclusive<u64>) -> RangedU64ValueParser {
    value_parser!(u64).range(seconds)
}

impl PeerArgs {
    /// Whether the controller of peer Deployments runs here.
    pub(in crate::cli::serve) fn controls_peers(&self) -> bool {
        self.controllers == Controller::Peer
    }

    /// The windows that they say.
    pub(in crate::cli::serve) fn given(&self) -> GivenPeer {
        GivenPeer {
            window: self.peer_window,
            mass_loss_window: self.mass_loss_window,
            mass_loss_hold: self.mass_loss_hold,
        }
    }
}
