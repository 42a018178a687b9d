//! Errors of requests to the API server, for the log.

use std::error::Error;
use std::iter::successors;

use kube::core::Status;

/// The bytes of an error that are logged. An answer of the API server can repeat what a user wrote, and that can be of any length.
const LIMIT: usize = 2048;

/// The error in one line: the message of the API server if it answered, else the error and its root cause.
///
/// kube's own text has every field of the `Status`, and no more than "connection failed" if there is none.
pub(crate) fn brief(error: &(dyn Error + 'static)) -> String {
    let chain = || successors(Some(error), |error| (*error).source());
    if let Some(status) = chain().find_map(status).filter(|status| !status.message.is_empty()) {
        return bounded(&status.message);
    }
    let outer = error.to_string();
    let root = chain().last().map(ToString::to_string).filter(|root| !outer.contains(root.as_str()));
    bounded(&root.map_or_else(|| outer.clone(), |root| format!("{outer}: {root}")))
}

fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(LIMIT)].to_owned()
}

/// kube boxes the `Status`, and the box is an error type of its own.
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
    fn a_long_answer_is_cut() {
        let status = Status::failure(&"基".repeat(LIMIT), "Invalid").with_code(422);
        assert!((LIMIT - 2..=LIMIT).contains(&brief(&kube::Error::Api(Box::new(status))).len()));
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
