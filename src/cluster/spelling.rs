//! By which spelling of a key an object was found.

/// By which spelling of its label an object was found. A label selector cannot say "this key or that key", so each spelling
/// has a watch of its own, and an object that carries both is found twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// [`crate::vocabulary::Dialects::current`].
    Current,
    /// [`crate::vocabulary::Dialects::older`].
    Older,
}

impl Spelling {
    /// Both, the current one first.
    pub const ALL: [Self; 2] = [Self::Current, Self::Older];
}
