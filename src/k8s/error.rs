//! Errors of the API server's, for the log.

use std::error::Error;
use std::iter::successors;

use kube::core::Status;

/// What went wrong, in a line: where the API server has answered, its message; else the error, and the cause at its root.
///
/// kube writes out the whole `Status`, with every field that it has, and says no more than "connection failed" of one that
/// did.
pub(crate) fn brief(error: &(dyn Error + 'static)) -> String {
    let chain = || successors(Some(error), |error| (*error).source());
    if let Some(status) = chain().find_map(status).filter(|status| !status.message.is_empty()) {
        return status.message.clone();
    }
    let outer = error.to_string();
    let root = chain().last().map(ToString::to_string).filter(|root| !outer.contains(root.as_str()));
    root.map_or_else(|| outer.clone(), |root| format!("{outer}: {root}"))
}

/// kube keeps it in a box, which is an error of its own.
fn status<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Status> {
    error.downcast_ref::<Box<Status>>().map(AsRef::as_ref).or_else(|| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use std::io;

    use kube::runtime::watcher;
    use thiserror::Error;

    use super::*;

    #[derive(Debug, Error)]
    #[error(transparent)]
    struct Wrapped(#[from] kube::Error);

    fn forbidden() -> Box<Status> {
        Box::new(Status::failure("secrets is forbidden", "Forbidden").with_code(403))
    }

    #[test]
    fn an_answer_of_the_api_server_is_its_message() {
        let api = || kube::Error::Api(forbidden());
        for error in [
            &api() as &(dyn Error + 'static),
            &Wrapped(api()),
            &watcher::Error::WatchStartFailed(api()),
            &watcher::Error::WatchError(forbidden()),
        ] {
            assert_eq!(brief(error), "secrets is forbidden", "{error:?}");
        }
    }

    #[test]
    fn an_answer_without_a_message_is_still_told() {
        let error = kube::Error::Api(Box::new(Status::failure("", "Forbidden").with_code(403)));
        assert!(brief(&error).contains("Forbidden"), "{}", brief(&error));
    }

    #[test]
    fn another_error_is_told_with_its_root() {
        #[derive(Debug, Error)]
        #[error("cannot connect")]
        struct Outer(#[source] io::Error);
        let refused = || Outer(io::Error::from(io::ErrorKind::ConnectionRefused));
        assert_eq!(brief(&refused()), "cannot connect: connection refused");
        let error = kube::Error::Service(Box::new(refused()));
        assert_eq!(brief(&error), "ServiceError: cannot connect: connection refused");
    }

    #[test]
    fn what_has_no_cause_is_told_once() {
        assert_eq!(brief(&watcher::Error::NoResourceVersion), watcher::Error::NoResourceVersion.to_string());
    }
}
