//! Reads and checks single values of a configuration file, and collects the faults with line and field.

use std::ops::RangeInclusive;

use serde_json::Value;
use serde_saphyr::Spanned;

use super::Fault;
use crate::module::check_label_value;
use crate::runtime::check_log_filter;

/// A value of any type as it is in the file. The reader checks the type, so that a fault names the field.
pub(super) type Raw = Spanned<Value>;

/// Reads values and collects faults.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) faults: Vec<Fault>,
}

impl Reader {
    /// Adds a fault of `field`.
    pub(super) fn wrong(&mut self, field: &str, raw: &Raw, what: &str) {
        let line = Some(raw.referenced.line()).filter(|line| *line > 0);
        self.faults.push(Fault { line, what: format!("{field}: {} {what}", raw.value) });
    }

    /// Reads a string.
    pub(super) fn text(&mut self, field: &str, raw: &Raw) -> Option<String> {
        let text = raw.value.as_str();
        if text.is_none() {
            self.wrong(field, raw, "is no text: put it in quotes if it should be one");
        }
        text.map(str::to_owned)
    }

    /// Reads a string that is valid as the value of a label.
    pub(super) fn label_value(&mut self, field: &str, raw: Option<&Raw>) -> Option<String> {
        let text = self.text(field, raw?)?;
        match check_label_value(&text) {
            Ok(()) => Some(text),
            Err(fault) => {
                self.wrong(field, raw?, &fault.to_string());
                None
            }
        }
    }

    /// Reads a number of seconds within `range`.
    pub(super) fn seconds(&mut self, field: &str, raw: Option<&Raw>, range: &RangeInclusive<u64>) -> Option<u64> {
        let raw = raw?;
        let seconds = raw.value.as_u64().filter(|seconds| range.contains(seconds));
        if seconds.is_none() {
            let what = format!("is no whole number of seconds from {} to {}", range.start(), range.end());
            self.wrong(field, raw, &what);
        }
        seconds
    }

    /// Reads a log filter in the syntax of `RUST_LOG`.
    pub(super) fn log_filter(&mut self, field: &str, raw: Option<&Raw>) -> Option<String> {
        let text = self.text(field, raw?)?;
        match check_log_filter(&text) {
            Ok(()) => Some(text),
            Err(reason) => {
                self.wrong(field, raw?, &format!("is no log filter: {reason}"));
                None
            }
        }
    }
}
