//! What a scalar of YAML means to kubectl.
//!
//! By hand, because no library of Rust resolves scalars as kubectl's does: go-yaml v2 (`resolve.go`) reads YAML 1.1 in its own
//! way, and sigs.k8s.io/yaml turns the result into JSON. A difference is a module whose version is another one in the cluster
//! than in the review: `6063e725` is a float that no float can hold, so it is a text there.

use serde_json::{Number, Value};

use super::yaml::Problem;

/// A scalar, before it becomes a value or a key of JSON.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Larger than an [`Scalar::Int`].
    Uint(u64),
    Float(f64),
    Text(String),
}

const PREFIX: &str = "tag:yaml.org,2002:";

impl Scalar {
    /// The scalar that is written as `text`, plain or with the tag `tag`.
    pub(super) fn resolve(tag: Option<&str>, text: &str) -> Result<Self, Problem> {
        let core = tag.map(|tag| tag.strip_prefix(PREFIX).unwrap_or(tag));
        match core {
            Some("str") => Ok(Self::Text(text.to_owned())),
            Some("binary") => decode_base64(text),
            None => Ok(Self::of_plain(text)),
            Some(kind @ ("bool" | "int" | "float" | "null")) => match (kind, Self::of_plain(text)) {
                ("bool", scalar @ Self::Bool(_))
                | ("int", scalar @ (Self::Int(_) | Self::Uint(_)))
                | ("float", scalar @ Self::Float(_))
                | ("null", scalar @ Self::Null) => Ok(scalar),
                #[allow(clippy::cast_precision_loss, reason = "go-yaml converts it in the same way")]
                ("float", Self::Int(integer)) => Ok(Self::Float(integer as f64)),
                _ => Err(Problem::new(format!("{text:?} is not of the type {kind} that its tag says"))),
            },
            // Timestamps stay texts, and tags that are unknown do not count.
            Some(_) => Ok(Self::Text(text.to_owned())),
        }
    }

    fn of_plain(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::Bool(false);
            }
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Self::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY),
            _ => {}
        }
        let is_number = match text.as_bytes().first() {
            Some(b'+' | b'-' | b'0'..=b'9') => number(&text.replace('_', "")),
            Some(b'.') if !text.starts_with("._") && !text.contains("__") && !text.ends_with('_') => {
                finite(&text.replace('_', ""))
            }
            _ => None,
        };
        is_number.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// The value in JSON. A float without a fraction is an integer there.
    pub(super) fn into_value(self) -> Result<Value, Problem> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(it) => it.into(),
            Self::Int(it) => it.into(),
            #[allow(clippy::cast_precision_loss, reason = "Kubernetes reads it as a float, too")]
            Self::Uint(it) => (it as f64).into(),
            Self::Text(it) => it.into(),
            Self::Float(it) => match Number::from_f64(it) {
                // As digits, because kubectl writes it so, and reads it again.
                Some(number) => it.to_string().parse::<i64>().map_or(Value::Number(number), Value::from),
                None => return Err(Problem::new("infinity and .nan are no values of JSON")),
            },
        })
    }

    /// The key in JSON.
    pub(super) fn into_key(self) -> Result<String, Problem> {
        Ok(match self {
            Self::Text(it) => it,
            Self::Bool(it) => it.to_string(),
            Self::Int(it) => it.to_string(),
            Self::Float(it) => float_key(it),
            Self::Null | Self::Uint(_) => return Err(Problem::new("a key must be a text")),
        })
    }
}

/// Numbers as Go's `strconv` parses them, in digits without `_`.
fn number(text: &str) -> Option<Scalar> {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        _ => ("", text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        _ if digits.starts_with('0') && digits.len() > 1 => (8, &digits[1..]),
        _ => (10, digits),
    };
    let is_unsigned = !digits.starts_with(['+', '-']);
    if is_unsigned && let Ok(integer) = i64::from_str_radix(&format!("{sign}{digits}"), radix) {
        return Some(Scalar::Int(integer));
    }
    if is_unsigned
        && !text.starts_with(['+', '-'])
        && let Ok(integer) = u64::from_str_radix(digits, radix)
    {
        return Some(Scalar::Uint(integer));
    }
    if is_float(text)
        && let Some(float) = finite(text)
    {
        return Some(float);
    }
    // go-yaml tries these once more, with a sign behind the prefix.
    text.strip_prefix("0b").and_then(|digits| i64::from_str_radix(digits, 2).ok()).map(Scalar::Int)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_exponent = |text: &str| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && are_digits(digits)
    };
    (!whole.is_empty() || !fraction.is_empty())
        && are_digits(whole)
        && are_digits(fraction)
        && exponent.is_none_or(has_exponent)
}

/// A float that is too large for one is a text.
fn finite(text: &str) -> Option<Scalar> {
    text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Scalar::Float)
}

/// A float as a key: `strconv.FormatFloat(key, 'g', -1, 32)`.
fn float_key(float: f64) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "kubectl writes keys with this precision")]
    let float = float as f32;
    if !float.is_finite() {
        return if float.is_nan() {
            ".nan"
        } else if float > 0.0 {
            ".inf"
        } else {
            "-.inf"
        }
        .to_owned();
    }
    let scientific = format!("{float:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => float.to_string(),
    }
}

fn decode_base64(text: &str) -> Result<Scalar, Problem> {
    use base64::Engine as _;
    // Go's decoder skips line breaks.
    let text: String = text.chars().filter(|character| !['\r', '\n'].contains(character)).collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    let bytes = bytes.map_err(|_| Problem::new("a value of the type !!binary is not base64"))?;
    Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
}
