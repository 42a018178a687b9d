//! What one place says, which need not be everything.

use std::time::Duration;

use super::Settings;
use crate::peer;
use crate::policy::{DefaultBase, Policy, Severities};
use crate::vocabulary as keys;

/// What flags say, or a file. What is none is left to the next place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// [`Policy::default_env`].
    pub default_env: Option<String>,
    /// [`Policy::default_toleration_seconds`].
    pub default_toleration_seconds: Option<i64>,
    /// [`Policy::default_base`].
    pub default_base: Option<DefaultBase>,
    /// [`Policy::severities`].
    pub severities: Option<Severities>,
    /// The windows of the controller of peer Deployments.
    pub peer: GivenPeer,
    /// [`Settings::log`].
    pub log: Option<String>,
}

/// The windows of the controller of peer Deployments, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GivenPeer {
    /// [`peer::Settings::window`]; 2 where nobody says one.
    pub window: Option<u64>,
    /// [`peer::Settings::loss_window`]; 60 where nobody says one.
    pub mass_loss_window: Option<u64>,
    /// [`peer::Settings::loss_hold`]; 300 where nobody says one.
    pub mass_loss_hold: Option<u64>,
}

impl Given {
    /// This, and `other` where this says nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            default_env: self.default_env.or(other.default_env),
            default_toleration_seconds: self.default_toleration_seconds.or(other.default_toleration_seconds),
            default_base: self.default_base.or(other.default_base),
            severities: self.severities.or(other.severities),
            peer: GivenPeer {
                window: self.peer.window.or(other.peer.window),
                mass_loss_window: self.peer.mass_loss_window.or(other.peer.mass_loss_window),
                mass_loss_hold: self.peer.mass_loss_hold.or(other.peer.mass_loss_hold),
            },
            log: self.log.or(other.log),
        }
    }
}

impl From<Given> for Settings {
    fn from(given: Given) -> Self {
        let seconds = |said: Option<u64>, otherwise| Duration::from_secs(said.unwrap_or(otherwise));
        Self {
            policy: Policy {
                default_env: given.default_env.unwrap_or_else(|| keys::ENV_DEFAULT.to_owned()),
                default_toleration_seconds: given
                    .default_toleration_seconds
                    .unwrap_or(keys::DEFAULT_TOLERATION_SECONDS),
                default_base: given.default_base.unwrap_or_default(),
                severities: given.severities.unwrap_or_default(),
            },
            peer: peer::Settings {
                window: seconds(given.peer.window, 2),
                loss_window: seconds(given.peer.mass_loss_window, 60),
                loss_hold: seconds(given.peer.mass_loss_hold, 300),
            },
            log: given.log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_first_wins_and_the_rest_is_taken_from_the_next() {
        let flags = Given {
            default_env: Some("flag".to_owned()),
            peer: GivenPeer { window: Some(1), ..GivenPeer::default() },
            ..Given::default()
        };
        let file = Given {
            default_env: Some("file".to_owned()),
            default_toleration_seconds: Some(60),
            peer: GivenPeer { window: Some(9), mass_loss_window: Some(9), ..GivenPeer::default() },
            ..Given::default()
        };
        let settings = Settings::from(flags.or(file));
        assert_eq!((settings.policy.default_env.as_str(), settings.policy.default_toleration_seconds), ("flag", 60));
        let windows = [settings.peer.window, settings.peer.loss_window, settings.peer.loss_hold];
        assert_eq!(windows.map(|window| window.as_secs()), [1, 9, 300]);
    }

    #[test]
    fn where_nobody_says_anything_the_policy_is_the_default() {
        assert_eq!(Settings::from(Given::default()).policy, Policy::default());
    }
}
