//! The arguments of the peer controller, and which controllers run.

use std::ops::RangeInclusive;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum, value_parser};
use thiserror::Error;

use crate::cluster::NamespaceSelector;
use crate::settings::{HOLD_SECONDS, PeerOverrides, WINDOW_SECONDS};
use crate::vocabulary as keys;

/// The controllers that can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli::serve) enum Controller {
    /// Keeps the replicas of peer Deployments equal to the number of their bases.
    Peer,
    /// No controller, only the webhook.
    None,
}

/// The list of controllers names some, and says that there are none.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("--controllers: none stands alone; leave it out to run the others")]
pub(in crate::cli::serve) struct NoneAndSome;

/// Peer Deployments.
#[derive(Debug, Args)]
#[command(next_help_heading = "Peer Deployments")]
pub(in crate::cli::serve) struct PeerArgs {
    /// The controllers that this process runs while it holds the lease, separated by commas.
    #[arg(
        long,
        env = "WARDEN_CONTROLLERS",
        value_enum,
        value_delimiter = ',',
        default_value = "peer",
        value_name = "CONTROLLERS"
    )]
    controllers: Vec<Controller>,
    /// Namespaces whose peer Deployments are left alone, besides kube-system and warden's own, separated by commas. The webhooks
    /// must leave them alone, too.
    #[arg(long, env = "WARDEN_EXCLUDED_NAMESPACES", value_delimiter = ',', value_name = "NAMESPACE,…")]
    excluded_namespaces: Vec<String>,
    /// The Namespaces whose peer Deployments are kept, by their labels: the matchExpressions of a label selector, as JSON. The webhooks
    /// must have the same. If unset, all Namespaces are kept that are not excluded.
    #[arg(long, env = "WARDEN_NAMESPACE_SELECTOR", default_value = "", hide_default_value = true, value_name = "JSON")]
    pub(in crate::cli::serve) namespace_selector: NamespaceSelector,
    /// The shortest time between two writes of the replicas of a Deployment [default: 2].
    #[arg(long, env = "WARDEN_PEER_WINDOW", value_name = "SECONDS", value_parser = within(WINDOW_SECONDS))]
    peer_window: Option<u64>,
    /// The time before the departure of a base is followed. ModuleController deletes the Nodes of healthy bases when it restarts, and
    /// makes them again within 12 s [default: 15].
    #[arg(long, env = "WARDEN_PEER_DEPARTURE", value_name = "SECONDS", value_parser = within(WINDOW_SECONDS))]
    peer_departure: Option<u64>,
    /// If more than 55 % of a Deployment's bases, and at least 3, depart within this time, it is a mass loss [default: 60].
    #[arg(long, env = "WARDEN_MASS_LOSS_WINDOW", value_name = "SECONDS", value_parser = within(WINDOW_SECONDS))]
    mass_loss_window: Option<u64>,
    /// How many seconds a mass loss is not followed; 0 follows it like any other loss [default: 300].
    #[arg(long, env = "WARDEN_MASS_LOSS_HOLD", value_name = "SECONDS", value_parser = within(HOLD_SECONDS))]
    mass_loss_hold: Option<u64>,
}

fn within(seconds: RangeInclusive<u64>) -> RangedU64ValueParser {
    value_parser!(u64).range(seconds)
}

impl PeerArgs {
    /// Whether this process runs the peer controller.
    ///
    /// # Errors
    /// If no controller and some are to run.
    pub(in crate::cli::serve) fn controls_peers(&self) -> Result<bool, NoneAndSome> {
        let runs = |controller| self.controllers.contains(&controller);
        if runs(Controller::None) && runs(Controller::Peer) {
            return Err(NoneAndSome);
        }
        Ok(runs(Controller::Peer))
    }

    /// The Namespaces whose peer Deployments are left alone, where warden runs in `own`.
    pub(in crate::cli::serve) fn excluded_namespaces(&self, own: &str) -> Vec<String> {
        let always = [keys::KUBE_SYSTEM, own].map(str::to_owned).into_iter();
        // An empty value of the variable is one empty name.
        always.chain(self.excluded_namespaces.iter().filter(|name| !name.is_empty()).cloned()).collect()
    }

    /// The windows that are set.
    pub(in crate::cli::serve) fn overrides(&self) -> PeerOverrides {
        PeerOverrides {
            window: self.peer_window,
            departure: self.peer_departure,
            mass_loss_window: self.mass_loss_window,
            mass_loss_hold: self.mass_loss_hold,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use rstest::rstest;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        peer: PeerArgs,
    }

    fn read(args: &[&str]) -> Result<bool, String> {
        let line = Line::try_parse_from(["warden"].iter().chain(args)).map_err(|error| error.to_string())?;
        line.peer.controls_peers().map_err(|error| error.to_string())
    }

    #[rstest]
    #[case::default(&[], true)]
    #[case::one(&["--controllers=peer"], true)]
    #[case::one_twice(&["--controllers=peer,peer"], true)]
    #[case::none(&["--controllers=none"], false)]
    fn controllers_are_a_list(#[case] args: &[&str], #[case] expected: bool) {
        assert_eq!(read(args), Ok(expected));
    }

    #[test]
    fn kube_system_and_the_own_namespace_are_always_excluded() {
        let excluded = |args: &[&str]| {
            Line::try_parse_from(["warden"].iter().chain(args)).unwrap().peer.excluded_namespaces("warden")
        };
        assert_eq!(excluded(&["--excluded-namespaces="]), ["kube-system", "warden"]);
        assert_eq!(excluded(&["--excluded-namespaces=a,b"]), ["kube-system", "warden", "a", "b"]);
    }

    #[rstest]
    #[case::unknown(&["--controllers=peer,base"], "'base'")]
    #[case::unknown_is_told_what_there_is(&["--controllers=base"], "[possible values: peer, none]")]
    #[case::empty(&["--controllers="], "[possible values: peer, none]")]
    #[case::none_and_one(&["--controllers=none,peer"], "none stands alone")]
    fn what_is_no_list_of_controllers_is_refused(#[case] args: &[&str], #[case] expected: &str) {
        let error = read(args).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
