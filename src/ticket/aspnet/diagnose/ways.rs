//! Every way that a key allows, each once: what was given comes first, and stands for its equals.

use super::{
    super::{
        katana::ACCESS_TOKEN,
        machine_key::{
            CompatibilityMode, Decryption, FormsProtector, MachineKey, MachineKeyChoices,
            Protection, Validation,
        },
    },
    keys::Known,
};

/// Those of forms tickets.
pub(super) fn forms(known: &Known) -> Vec<(MachineKeyChoices, FormsProtector)> {
    let given = known.builder.choices();
    let mut candidates = vec![given];
    for compatibility_mode in modes(given) {
        for legacy_encryption in [false, true] {
            for protection in PROTECTIONS {
                for (validation, decryption) in algorithms(given) {
                    candidates.push(MachineKeyChoices {
                        compatibility_mode,
                        decryption,
                        legacy_encryption,
                        protection,
                        validation,
                    });
                }
            }
        }
    }
    distinct(
        candidates,
        |choices| essence(choices, known.key_length),
        |choices| known.builder.choose(choices).and_then(|key| key.forms()).ok(),
    )
}

/// Those of everything that is protected for a purpose of its own.
pub(super) fn purposes(known: &Known) -> Vec<(MachineKeyChoices, MachineKey)> {
    let given = known.builder.choices();
    let mut candidates = Vec::new();
    for (validation, decryption) in algorithms(given) {
        for compatibility_mode in [given.compatibility_mode, CompatibilityMode::Framework45] {
            candidates.push(MachineKeyChoices {
                compatibility_mode,
                decryption,
                legacy_encryption: false,
                protection: Protection::All,
                validation,
            });
        }
    }
    let essence = |choices| {
        let compatibility_mode = CompatibilityMode::Framework45;
        essence(MachineKeyChoices { compatibility_mode, ..choices }, known.key_length)
    };
    distinct(candidates, essence, |choices| {
        let key = known.builder.choose(choices).ok()?;
        key.purpose("User.MachineKey.Protect", &ACCESS_TOKEN).ok()?;
        Some(key)
    })
}

fn distinct<T>(
    candidates: Vec<MachineKeyChoices>,
    essence: impl Fn(MachineKeyChoices) -> MachineKeyChoices,
    make: impl Fn(MachineKeyChoices) -> Option<T>,
) -> Vec<(MachineKeyChoices, T)> {
    let mut seen = Vec::new();
    let mut made = Vec::new();
    for choices in candidates {
        let essence = essence(choices);
        if !seen.contains(&essence)
            && let Some(one) = make(choices)
        {
            seen.push(essence);
            made.push((choices, one));
        }
    }
    made
}

/// Two choices of one essence protect alike.
fn essence(choices: MachineKeyChoices, key_length: usize) -> MachineKeyChoices {
    let MachineKeyChoices {
        mut compatibility_mode,
        mut decryption,
        mut legacy_encryption,
        mut protection,
        mut validation,
    } = choices;
    if decryption == Decryption::Auto {
        let is_des = is_des(choices, key_length);
        decryption = if is_des { Decryption::Des } else { Decryption::Aes };
    }
    if compatibility_mode == CompatibilityMode::Framework45 {
        (legacy_encryption, protection) = (false, Protection::All);
        return MachineKeyChoices {
            compatibility_mode,
            decryption,
            legacy_encryption,
            protection,
            validation,
        };
    }
    if matches!(validation, Validation::Aes | Validation::TripleDes) {
        validation = Validation::Sha1;
    }
    if matches!(protection, Protection::None | Protection::Validation) {
        (decryption, legacy_encryption) = (Decryption::Aes, false);
    }
    if protection == Protection::None {
        validation = Validation::Sha1;
    }
    if !legacy_encryption {
        compatibility_mode = CompatibilityMode::Framework20Sp1;
    }
    MachineKeyChoices { compatibility_mode, decryption, legacy_encryption, protection, validation }
}

/// The cipher is DES.
pub(super) fn is_des(choices: MachineKeyChoices, key_length: usize) -> bool {
    match choices.decryption {
        Decryption::Auto => {
            choices.compatibility_mode != CompatibilityMode::Framework45 && key_length == 8
        }
        decryption => decryption == Decryption::Des,
    }
}

fn modes(given: MachineKeyChoices) -> [CompatibilityMode; 4] {
    [
        given.compatibility_mode,
        CompatibilityMode::Framework45,
        CompatibilityMode::Framework20Sp1,
        CompatibilityMode::Framework20Sp2,
    ]
}

fn algorithms(given: MachineKeyChoices) -> impl Iterator<Item = (Validation, Decryption)> {
    let validations = [
        given.validation,
        Validation::HmacSha256,
        Validation::Sha1,
        Validation::HmacSha384,
        Validation::HmacSha512,
        Validation::Md5,
    ];
    let decryptions = [given.decryption, Decryption::Aes, Decryption::TripleDes, Decryption::Des];
    validations
        .into_iter()
        .flat_map(move |validation| decryptions.map(|decryption| (validation, decryption)))
}

const PROTECTIONS: [Protection; 4] =
    [Protection::All, Protection::Encryption, Protection::Validation, Protection::None];
