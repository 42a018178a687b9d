//! The settings of one source. A source need not set every field.

use std::time::Duration;

use super::Settings;
use crate::peer;
use crate::policy::{DefaultBase, Policy, Severities};
use crate::vocabulary as keys;

/// The settings of the flags, or of a file. Unset fields fall through to the next source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsOverrides {
    /// [`Policy::default_env`].
    pub default_env: Option<String>,
    /// [`Policy::default_toleration_seconds`].
    pub default_toleration_seconds: Option<i64>,
    /// [`Policy::default_base`].
    pub default_base: Option<DefaultBase>,
    /// [`Policy::grace_period_seconds`].
    pub grace_period_seconds: Option<u64>,
    /// [`Policy::severities`].
    pub severities: Option<Severities>,
    /// The windows of the peer controller.
    pub peer: PeerOverrides,
    /// [`Settings::log`].
    pub log: Option<String>,
}

/// The windows of the peer controller, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeerOverrides {
    /// [`peer::Settings::window`]; the default is 2.
    pub window: Option<u64>,
    /// [`peer::Settings::departure`]; the default is 15.
    pub departure: Option<u64>,
    /// [`peer::Settings::loss_window`]; the default is 60.
    pub mass_loss_window: Option<u64>,
    /// [`peer::Settings::loss_hold`]; the default is 300.
    pub mass_loss_hold: Option<u64>,
}

impl SettingsOverrides {
    /// Returns these settings, with unset fields from `other`.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            default_env: self.default_env.or(other.default_env),
            default_toleration_seconds: self.default_toleration_seconds.or(other.default_toleration_seconds),
            default_base: self.default_base.or(other.default_base),
            grace_period_seconds: self.grace_period_seconds.or(other.grace_period_seconds),
            severities: self.severities.or(other.severities),
            peer: PeerOverrides {
                window: self.peer.window.or(other.peer.window),
                departure: self.peer.departure.or(other.peer.departure),
                mass_loss_window: self.peer.mass_loss_window.or(other.peer.mass_loss_window),
                mass_loss_hold: self.peer.mass_loss_hold.or(other.peer.mass_loss_hold),
            },
            log: self.log.or(other.log),
        }
    }
}

/// Unset fields get their defaults.
impl From<SettingsOverrides> for Settings {
    fn from(overrides: SettingsOverrides) -> Self {
        let seconds = |set: Option<u64>, default| Duration::from_secs(set.unwrap_or(default));
        Self {
            policy: Policy {
                default_env: overrides.default_env.unwrap_or_else(|| keys::ENV_DEFAULT.to_owned()),
                default_toleration_seconds: overrides
                    .default_toleration_seconds
                    .unwrap_or(keys::DEFAULT_TOLERATION_SECONDS),
                default_base: overrides.default_base.unwrap_or_default(),
                grace_period_seconds: overrides.grace_period_seconds,
                severities: overrides.severities.unwrap_or_default(),
            },
            peer: peer::Settings {
                window: seconds(overrides.peer.window, 2),
                departure: seconds(overrides.peer.departure, 15),
                loss_window: seconds(overrides.peer.mass_loss_window, 60),
                loss_hold: seconds(overrides.peer.mass_loss_hold, 300),
            },
            log: overrides.log,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_source_wins_and_unset_fields_fall_through() {
        let flags = SettingsOverrides {
            default_env: Some("flag".to_owned()),
            peer: PeerOverrides { window: Some(1), ..PeerOverrides::default() },
            ..SettingsOverrides::default()
        };
        let file = SettingsOverrides {
            default_env: Some("file".to_owned()),
            default_toleration_seconds: Some(60),
            peer: PeerOverrides { window: Some(9), mass_loss_window: Some(9), ..PeerOverrides::default() },
            ..SettingsOverrides::default()
        };
        let settings = Settings::from(flags.or(file));
        assert_eq!((settings.policy.default_env.as_str(), settings.policy.default_toleration_seconds), ("flag", 60));
        let peer = &settings.peer;
        let windows = [peer.window, peer.departure, peer.loss_window, peer.loss_hold];
        assert_eq!(windows.map(|window| window.as_secs()), [1, 15, 9, 300]);
    }

    #[test]
    fn without_any_source_the_policy_is_the_default() {
        assert_eq!(Settings::from(SettingsOverrides::default()).policy, Policy::default());
    }
}
