//! What each base really runs.
//!
//! Kubernetes cannot tell: a pod is Ready while the base it is bound to has lost the module, and a base goes on serving while
//! its node is unreachable. The [`Ledger`] keeps books by the rules of ModuleController instead:
//!
//! - A pod of the current dialect bound to a living base installs each of its containers there, by container name and
//!   literal `BIZ_VERSION`. Without a usable version the base refuses. What is there already is not installed again.
//! - A pod that is being deleted uninstalls its modules from its base, at once, even if another pod there has the same modules. The
//!   pod itself is gone at the end of its grace period, as with ModuleController: what must keep off it installs nothing until then.
//! - A node that is deleted takes with it all that its base ran. One that comes back under its name is an empty base, and
//!   pods that were bound to the earlier one are not installed again.

mod fold;
mod history;
mod module;
mod observe;
mod watch;

pub use fold::{Event, Ledger, NodeSeen, PodSeen};
pub use history::{Change, Entry, Mark};
pub use module::Module;
pub use watch::LiveLedger;
