//! The part of `web.config` that concerns machine keys.

use roxmltree::{Document, Node, ParsingOptions};

use super::{CompatibilityMode, Decryption, MachineKey, MachineKeyBuilder, Protection, Validation};
use crate::error::BuildError;

impl MachineKey {
    /// The keys and settings of a `web.config`, or of a `<machineKey>` cut out of one.
    ///
    /// 1. The file holds exactly one `<machineKey>`, in `<system.web>`. Where it has two, in
    ///    `<location>`s for example, cut out the right one.
    /// 2. An attribute that is not there has ASP.NET's default. `compatibilityMode` is
    ///    `Framework45` where `<httpRuntime targetFramework>` is 4.5 or later, otherwise
    ///    `Framework20SP1`; the element alone must have it, or the builder is told.
    /// 3. `protection` of `<forms>` and `aspnet:UseLegacyEncryption` are read too.
    /// 4. At most 1 MiB; no document type.
    ///
    /// # Errors
    /// [`BuildError::Invalid`]: what is wrong with the file, without anything out of it that could
    /// be a key. What the keys and settings are is judged by
    /// [`build`](MachineKeyBuilder::build).
    pub fn from_config(xml: &str) -> Result<MachineKeyBuilder, BuildError> {
        read(xml)
    }
}

/// Reads a whole file, or a `<machineKey>` alone.
fn read(xml: &str) -> Result<MachineKeyBuilder, BuildError> {
    if xml.len() > LONGEST {
        return Err(problem(format!("{} bytes; at most {LONGEST} are read", xml.len())));
    }
    let options = ParsingOptions { nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    // the error's own text may hold a piece of the file
    let document = Document::parse_with_options(xml, options).map_err(|error| {
        let at = error.pos();
        problem(format!(
            "not XML that is read here, at line {} column {}; give the file's text, not its path; a \
             document type is refused",
            at.row, at.col
        ))
    })?;
    let element = machine_key(&document)?;
    let builder = MachineKeyBuilder::new(
        element.attribute("validationKey").unwrap_or(GENERATED).into(),
        element.attribute("decryptionKey").unwrap_or(GENERATED).into(),
    );
    let builder = match value(element, "compatibilityMode", COMPATIBILITY_MODE)? {
        Some(mode) => builder.compatibility_mode(mode),
        None if element == document.root_element() => builder.without_compatibility_mode(),
        None => builder.compatibility_mode(targeted(&document)?),
    };
    Ok(builder
        .validation(value(element, "validation", VALIDATION)?.unwrap_or(Validation::HmacSha256))
        .decryption(value(element, "decryption", DECRYPTION)?.unwrap_or(Decryption::Auto))
        .protection(protection(&document)?)
        .legacy_encryption(uses_legacy_encryption(&document)))
}

/// The one element, with attributes that are known.
fn machine_key<'a>(document: &'a Document<'_>) -> Result<Node<'a, 'a>, BuildError> {
    let mut elements = named(document, "machineKey");
    let element = elements.next().ok_or_else(|| {
        problem(
            "it has no <machineKey>, so ASP.NET generates the keys and keeps them in the registry of \
             its machine; generate explicit keys (IIS Manager, Machine Key, Generate Keys), put them \
             into the application's web.config and give them here",
        )
    })?;
    if elements.next().is_some() {
        return Err(problem("it has more than one <machineKey>; cut out the one that applies"));
    }
    let parent = element.parent_element();
    if parent.is_some_and(|parent| !is(parent, "system.web")) {
        return Err(problem("its <machineKey> stands outside of <system.web>"));
    }
    for attribute in element.attributes() {
        match attribute.name() {
            "applicationName" | "compatibilityMode" | "decryption" | "decryptionKey"
            | "validation" | "validationKey" => {}
            "dataProtectorType" if attribute.value().is_empty() => {}
            "dataProtectorType" => {
                return Err(problem(
                    "dataProtectorType is set, so that these keys protect nothing; tickets of \
                     ASP.NET Core's Data Protection are not read yet",
                ));
            }
            "configProtectionProvider" => {
                return Err(problem(
                    "its <machineKey> is encrypted; decrypt the section with aspnet_regiis -pdf \
                     first",
                ));
            }
            "configSource" => {
                return Err(problem(
                    "its <machineKey> names another file by configSource; give that file",
                ));
            }
            name if name.starts_with("lock") => {}
            _ => {
                return Err(problem(
                    "its <machineKey> has an attribute that ASP.NET does not know; their names are \
                     case-sensitive",
                ));
            }
        }
    }
    Ok(element)
}

/// The mode that a file without `compatibilityMode` has.
fn targeted(document: &Document<'_>) -> Result<CompatibilityMode, BuildError> {
    let runtime = named(document, "httpRuntime").find(|element| {
        element.parent_element().is_some_and(|parent| {
            is(parent, "system.web") && !parent.ancestors().any(|above| is(above, "location"))
        })
    });
    let Some(version) = runtime.and_then(|element| element.attribute("targetFramework")) else {
        return Ok(CompatibilityMode::Framework20Sp1);
    };
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
        return Err(problem("targetFramework of its <httpRuntime> is no version such as 4.8"));
    };
    Ok(if (major, minor) >= (4, 5) {
        CompatibilityMode::Framework45
    } else {
        CompatibilityMode::Framework20Sp1
    })
}

/// The protection of `<forms>`; the same in all of them.
fn protection(document: &Document<'_>) -> Result<Protection, BuildError> {
    let mut found = None;
    for element in named(document, "forms") {
        if element.parent_element().is_some_and(|parent| is(parent, "authentication")) {
            let protection = value(element, "protection", PROTECTION)?.unwrap_or(Protection::All);
            if found.is_some_and(|other| other != protection) {
                return Err(problem(
                    "two <forms> have different protection; give the <machineKey> alone, and the \
                     builder the protection",
                ));
            }
            found = Some(protection);
        }
    }
    Ok(found.unwrap_or(Protection::All))
}

fn uses_legacy_encryption(document: &Document<'_>) -> bool {
    named(document, "add")
        .filter(|element| element.parent_element().is_some_and(|above| is(above, "appSettings")))
        .filter(|element| element.attribute("key") == Some("aspnet:UseLegacyEncryption"))
        .any(|element| {
            element.attribute("value").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        })
}

/// An attribute with a closed list of values.
struct Words<T: 'static> {
    from_word: fn(&str) -> Option<T>,
    field: &'static str,
    words: &'static [&'static str],
}

fn value<T>(
    element: Node<'_, '_>,
    attribute: &str,
    known: Words<T>,
) -> Result<Option<T>, BuildError> {
    let Some(word) = element.attribute(attribute) else { return Ok(None) };
    (known.from_word)(word).map(Some).ok_or_else(|| {
        let near = known.words.iter().find(|known| known.eq_ignore_ascii_case(word));
        let problem = match (near, word.starts_with("alg:")) {
            (Some(near), _) => format!("{attribute} is case-sensitive: write {near}"),
            (None, true) => {
                format!("{attribute} names an algorithm of its own, which is not supported")
            }
            (None, false) => format!("{attribute} is none of {}", known.words.join(", ")),
        };
        BuildError::invalid(known.field, problem)
    })
}

/// Whatever the namespace: old files have one.
fn named<'a>(document: &'a Document<'_>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.root().descendants().filter(move |node| is(*node, name))
}

fn is(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

fn problem(text: impl Into<std::borrow::Cow<'static, str>>) -> BuildError {
    BuildError::invalid("web.config", text)
}

const COMPATIBILITY_MODE: Words<CompatibilityMode> = Words {
    from_word: CompatibilityMode::from_word,
    field: "compatibility_mode",
    words: CompatibilityMode::WORDS,
};
const DECRYPTION: Words<Decryption> =
    Words { from_word: Decryption::from_word, field: "decryption", words: Decryption::WORDS };
const PROTECTION: Words<Protection> =
    Words { from_word: Protection::from_word, field: "protection", words: Protection::WORDS };
const VALIDATION: Words<Validation> =
    Words { from_word: Validation::from_word, field: "validation", words: Validation::WORDS };

/// What ASP.NET assumes of a key that is not there.
const GENERATED: &str = "AutoGenerate,IsolateApps";
const LONGEST: usize = 1024 * 1024;
const MOST_NODES: u32 = 100_000;
