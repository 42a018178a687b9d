//! The jar of a module, by its URL: whether a base can open that, which jar it is, and what the file name tells.

use thiserror::Error;

use crate::vocabulary as keys;

/// Why an image is not the URL of a jar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JarUrlError<'a> {
    /// It has no scheme, or no jar in it.
    #[error("is not a URL from which a base can fetch a jar")]
    NotAUrl,
    /// A pipeline was to replace a part of it, and did not.
    #[error("has the placeholder {0}, which nothing replaces")]
    Placeholder(&'a str),
    /// It has a scheme that needs a host, such as `https`, and none follows.
    #[error("has no host after {0}:")]
    NoHost(&'a str),
}

/// Name and version of a module by the file name of its jar, which Maven names `<name>-<version>[-<classifier>].jar`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JarName<'a> {
    /// The part before the version.
    pub name: &'a str,
    /// The version. That of a unique snapshot, `1.0.0-20261130.101500-3`, is `1.0.0-SNAPSHOT`, as in the jar's manifest.
    pub version: String,
}

/// The longest file name that is read, in bytes. Linux file systems have none longer (`NAME_MAX`), and a file name is compared with
/// the version at each of its dashes.
const LONGEST_FILE_NAME: usize = 255;

/// Checks that a base can open `url` and finds a jar there: a scheme, a host where the scheme needs one, and the path of a jar.
///
/// # Errors
/// What keeps the base from opening it.
pub fn check_jar_url(url: &str) -> Result<(), JarUrlError<'_>> {
    if let Some(placeholder) = placeholder(url) {
        return Err(JarUrlError::Placeholder(placeholder));
    }
    let (scheme, rest) = url.split_once(":/").ok_or(JarUrlError::NotAUrl)?;
    let scheme_is_sound = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !scheme_is_sound || !rest.contains(keys::JAR) {
        return Err(JarUrlError::NotAUrl);
    }
    let needs_a_host = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    let has_a_host = rest.strip_prefix('/').is_some_and(|rest| !rest.starts_with(['/', ':', '?']));
    if needs_a_host && !has_a_host { Err(JarUrlError::NoHost(scheme)) } else { Ok(()) }
}

/// The first part of `text` that a pipeline was to replace: `${NAME}`, `$(NAME)`, `{{ name }}` or `<name>`. Neither Kubernetes nor
/// ModuleController replaces anything in an image.
pub fn placeholder(text: &str) -> Option<&str> {
    let forms = [("${", "}"), ("$(", ")"), ("{{", "}}"), ("<", ">")];
    let found = forms.into_iter().filter_map(|(open, close)| {
        let start = text.find(open)?;
        let end = text[start..].find(close)? + start + close.len();
        Some(start..end)
    });
    found.min_by_key(|range| range.start).map(|range| &text[range])
}

/// The part of a jar's URL that tells which jar it is. What follows `?` or `#` is a signature or another parameter of a store, unless
/// the jar is named only there.
pub fn jar_of_url(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    if path.contains(keys::JAR) { path } else { url }
}

impl<'a> JarName<'a> {
    /// Name and version by the file name in the URL of a jar, if Maven's convention applies to it and a file system can have it. A
    /// file name can be read in several
    /// ways: `order-2-web-1.0.0.jar` is read as that of module `name` in `version`, where it can be.
    pub fn of(url: &'a str, name: &str, version: Option<&str>) -> Option<Self> {
        let file = url.split(['?', '#']).next()?.rsplit('/').next().filter(|file| file.len() <= LONGEST_FILE_NAME)?;
        let stem = file.strip_suffix(keys::JAR)?;
        let at_each_dash = || {
            let dashes = stem.match_indices('-').filter(|(at, _)| *at > 0);
            dashes.map(|(at, _)| (&stem[..at], &stem[at + 1..]))
        };
        if let Some(version) = version {
            let mut of_version = at_each_dash().filter(|(_, rest)| is_of_version(rest, version));
            let first = of_version.next();
            let read = of_version.chain(first).find(|(it, _)| *it == name).or(first);
            if let Some((name, _)) = read {
                return Some(Self { name, version: version.to_owned() });
            }
        }
        let versions = at_each_dash()
            .filter(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()) && after_timestamp(rest).is_none());
        let versions: Vec<_> = versions.collect();
        let dotted = versions.iter().filter(|(_, rest)| first_part(rest).contains('.'));
        // A part of a name can be a number. With two parts that can be the version, nothing is certain.
        let read = match (dotted.collect::<Vec<_>>().as_slice(), versions.as_slice()) {
            ([one], _) => **one,
            ([], [one]) => *one,
            _ => return None,
        };
        Some(Self { name: read.0, version: version_in(read.1) })
    }
}

/// Whether `rest`, what follows the name in a file name, is `version`, alone or with a classifier.
fn is_of_version(rest: &str, version: &str) -> bool {
    let ends = |tail: &str| tail.is_empty() || tail.strip_prefix('-').is_some_and(is_classifier);
    let unique = |base: &str| after_timestamp(rest.strip_prefix(base)?.strip_prefix('-')?);
    rest.strip_prefix(version).is_some_and(ends)
        || version.strip_suffix(keys::SNAPSHOT).and_then(unique).is_some_and(ends)
}

/// The version at the beginning of `rest`, without a classifier.
fn version_in(rest: &str) -> String {
    let end = rest.match_indices('-').map(|(at, _)| at).find(|at| is_classifier(&rest[at + 1..])).unwrap_or(rest.len());
    let version = &rest[..end];
    let is_timestamp = |at: &usize| after_timestamp(&version[at + 1..]) == Some("");
    match version.match_indices('-').map(|(at, _)| at).find(is_timestamp) {
        Some(at) => format!("{}{}", &version[..at], keys::SNAPSHOT),
        None => version.to_owned(),
    }
}

fn first_part(rest: &str) -> &str {
    rest.split('-').next().unwrap_or_default()
}

/// What follows the time and the build number of a unique snapshot, which Maven writes as `20261130.101500-3`.
fn after_timestamp(text: &str) -> Option<&str> {
    let digits = |text: &'_ str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let is_time = digits(text) == 8 && text[8..].starts_with('.') && digits(&text[9..]) == 6;
    let build = text.get(15..).filter(|_| is_time)?.strip_prefix('-')?;
    let end = digits(build);
    (end > 0).then(|| &build[end..])
}

/// Whether this is a classifier, such as `ark-biz`, and not a part of the version, such as `RC1` or `SNAPSHOT` (the qualifiers of
/// Maven's `ComparableVersion`, and those of SemVer's examples).
fn is_classifier(text: &str) -> bool {
    let word: String = text.chars().take_while(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
    let is_numbered = text[word.len()..].starts_with(|c: char| c.is_ascii_digit());
    let is_qualifier = match word.as_str() {
        "a" | "b" | "m" => is_numbered,
        "alpha" | "beta" | "milestone" | "rc" | "cr" | "snapshot" | "ga" | "final" | "release" | "sp" | "pre"
        | "preview" => true,
        _ => false,
    };
    !word.is_empty() && !is_qualifier
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("https://x/biz1-0.0.1-ark-biz.jar", "biz1", Some("0.0.1"), Some(("biz1", "0.0.1")))]
    #[case::another_version("https://x/biz1-0.0.1-ark-biz.jar", "biz1", Some("0.0.2"), Some(("biz1", "0.0.1")))]
    #[case::another_name("https://x/biz1-0.0.1-ark-biz.jar", "biz2", Some("0.0.1"), Some(("biz1", "0.0.1")))]
    #[case::no_version("https://x/biz1-0.0.1-ark-biz.jar", "biz1", None, Some(("biz1", "0.0.1")))]
    #[case::signed("https://x/biz1-web-single-host-0.0.1-SNAPSHOT-ark-biz.jar?sig=a/b-1.jar", "biz1", None,
        Some(("biz1-web-single-host", "0.0.1-SNAPSHOT")))]
    #[case::unique_snapshot("https://x/cart-1.0.0-20261130.101500-3-ark-biz.jar", "cart", Some("1.0.0-SNAPSHOT"),
        Some(("cart", "1.0.0-SNAPSHOT")))]
    #[case::unique_snapshot_of_another_version("https://x/cart-1.0.0-20261130.101500-3-ark-biz.jar", "cart", Some("2.0.0-SNAPSHOT"),
        Some(("cart", "1.0.0-SNAPSHOT")))]
    #[case::unique_snapshot_as_the_version("https://x/cart-1.0.0-20261130.101500-3.jar", "cart", Some("1.0.0-20261130.101500-3"),
        Some(("cart", "1.0.0-20261130.101500-3")))]
    #[case::classifier("https://x/cart-1.0.0-jar-with-dependencies.jar", "cart", Some("1.0.0"), Some(("cart", "1.0.0")))]
    #[case::classifier_of_another_version("https://x/cart-1.0.0-exec.jar", "cart", Some("2.0.0"), Some(("cart", "1.0.0")))]
    #[case::qualifier("https://x/cart-1.0.0-RC1-ark-biz.jar", "cart", Some("1.0.0"), Some(("cart", "1.0.0-RC1")))]
    #[case::milestone("https://x/cart-1.0.0-m2.jar", "cart", Some("1.0.0"), Some(("cart", "1.0.0-m2")))]
    #[case::snapshot_is_no_classifier("https://x/cart-1.0.0-SNAPSHOT.jar", "cart", Some("1.0.0"), Some(("cart", "1.0.0-SNAPSHOT")))]
    #[case::digit_in_the_name("https://x/order-2-web-1.0.0-ark-biz.jar", "order-2-web", Some("1.0.0"), Some(("order-2-web", "1.0.0")))]
    #[case::digit_in_the_name_and_another_version("https://x/order-2-web-1.0.0.jar", "order-2-web", Some("3"),
        Some(("order-2-web", "1.0.0")))]
    #[case::digit_in_the_name_and_another_name("https://x/order-2-web-1.0.0.jar", "order", Some("1.0.0"),
        Some(("order-2-web", "1.0.0")))]
    #[case::two_that_can_be_the_version("https://x/log4j-1.2-api-2.17.0.jar", "cart", Some("3"), None)]
    #[case::two_of_which_one_is("https://x/log4j-1.2-api-2.17.0.jar", "log4j-1.2-api", Some("2.17.0"), Some(("log4j-1.2-api", "2.17.0")))]
    #[case::a_name_that_ends_as_the_version("https://x/biz-1-1.jar", "biz-1", Some("1"), Some(("biz-1", "1")))]
    #[case::a_version_without_digits("https://x/cart-main-ark-biz.jar", "cart", Some("main"), Some(("cart", "main")))]
    #[case::a_letter_before_the_version("https://x/cart-v1.2.jar", "cart", Some("v1.2"), Some(("cart", "v1.2")))]
    #[case::a_number("https://x/cart-7.jar", "cart", Some("8"), Some(("cart", "7")))]
    #[case::no_version_in_it("file:///opt/biz.jar", "biz", Some("1"), None)]
    #[case::no_name_in_it("https://x/-1.jar", "biz", Some("1"), None)]
    #[case::no_file_in_the_path("https://x/get?file=biz-1.jar", "biz", Some("2"), None)]
    fn the_file_name_tells_name_and_version(
        #[case] url: &str,
        #[case] name: &str,
        #[case] version: Option<&str>,
        #[case] told: Option<(&str, &str)>,
    ) {
        let jar = JarName::of(url, name, version);
        assert_eq!(jar.as_ref().map(|jar| (jar.name, jar.version.as_str())), told);
    }

    #[test]
    fn a_file_name_that_no_file_system_has_tells_nothing() {
        let url = |dashes: usize, end: &str| format!("https://x/{}{}-1.0.0.jar", "a-".repeat(dashes), end);
        let (longest, too_long) = (url(122, "a"), url(122, "aa"));
        assert_eq!(longest.len() - "https://x/".len(), LONGEST_FILE_NAME);
        for version in [None, Some("1.0.0"), Some("2.0.0")] {
            assert_eq!(JarName::of(&longest, "a", version).map(|jar| jar.version).as_deref(), Some("1.0.0"));
            assert_eq!(JarName::of(&too_long, "a", version), None);
        }
        // Texts that a tenant can send
        assert_eq!(JarName::of(&url(1_000_000, ""), "a", Some(&"a-".repeat(500_000))), None);
        assert_eq!(JarName::of(&format!("https://x/a-{}.jar", "1.-".repeat(1_000_000)), "a", Some("1")), None);
    }

    #[rstest]
    #[case("https://x/biz1.jar", Ok(()))]
    #[case("file:///opt/biz1.jar", Ok(()))]
    #[case("file:/opt/biz1.jar", Ok(()))]
    #[case("https://x/$web/biz1.jar?sig=a%3Cb", Ok(()))]
    #[case("registry.io/biz1.jar:1", Err(JarUrlError::NotAUrl))]
    #[case("https://x/biz1.zip", Err(JarUrlError::NotAUrl))]
    #[case("biz1.jar", Err(JarUrlError::NotAUrl))]
    #[case("://x.jar", Err(JarUrlError::NotAUrl))]
    #[case("https:/x/biz1.jar", Err(JarUrlError::NoHost("https")))]
    #[case("HTTP:///biz1.jar", Err(JarUrlError::NoHost("HTTP")))]
    #[case("https://x/biz1-${VERSION}.jar", Err(JarUrlError::Placeholder("${VERSION}")))]
    #[case("https://x/biz1-$(VERSION).jar", Err(JarUrlError::Placeholder("$(VERSION)")))]
    #[case("https://{{ .Values.host }}/<name>.jar", Err(JarUrlError::Placeholder("{{ .Values.host }}")))]
    #[case("https://x/biz1-<version>.jar", Err(JarUrlError::Placeholder("<version>")))]
    fn a_jar_url_has_a_scheme_a_host_and_a_jar(#[case] url: &str, #[case] checked: Result<(), JarUrlError<'_>>) {
        assert_eq!(check_jar_url(url), checked);
    }

    #[rstest]
    #[case::signature("https://x/a-1.jar?Signature=b&Expires=2", "https://x/a-1.jar")]
    #[case::fragment("https://x/a-1.jar#b", "https://x/a-1.jar")]
    #[case::named_in_a_parameter("https://x/get?file=a-1.jar&v=2", "https://x/get?file=a-1.jar&v=2")]
    fn parameters_after_the_jar_tell_nothing_of_it(#[case] url: &str, #[case] jar: &str) {
        assert_eq!(jar_of_url(url), jar);
    }
}
