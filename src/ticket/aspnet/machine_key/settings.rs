//! What the attributes of `<machineKey>` and `<forms>` can say.

use std::fmt;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every word of the attribute, as the configuration file spells it.
            pub(super) const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The attribute's value, compared exactly.
            pub(super) fn from_word(word: &str) -> Option<Self> {
                Some(match word { $($word => Self::$variant,)+ _ => return None })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $word,)+ })
            }
        }
    };
}

words! {
    /// Which of ASP.NET's ways of protecting is used. A ticket of one is never tried in another.
    CompatibilityMode {
        /// ASP.NET 2.0 SP1, and every application that neither targets 4.5 nor says otherwise. One
        /// pair of keys for everything: nothing but the form of the content keeps a ticket apart
        /// from what else the application protects.
        Framework20Sp1 = "Framework20SP1",
        /// ASP.NET 2.0 SP2. Tickets are as in SP1.
        Framework20Sp2 = "Framework20SP2",
        /// ASP.NET 4.5 and later: keys derived for each purpose, encrypt-then-MAC.
        Framework45 = "Framework45",
    }
}

words! {
    /// The attribute `decryption`: the cipher.
    Decryption {
        /// AES, with a key of 16, 24 or 32 bytes.
        Aes = "AES",
        /// AES; before `Framework45`, DES if the key has 8 bytes.
        Auto = "Auto",
        /// DES. See [`allow_des`](super::DangerousMachineKey::allow_des).
        Des = "DES",
        /// Triple DES. See [`allow_3des`](super::DangerousMachineKey::allow_3des).
        TripleDes = "3DES",
    }
}

words! {
    /// The attribute `protection` of `<forms>`. Only read before `Framework45`.
    Protection {
        /// Signed, encrypted, and signed again.
        All = "All",
        /// Encrypted and then signed, without the inner signature that tells a ticket from what else
        /// the application encrypts.
        Encryption = "Encryption",
        /// Neither encrypted nor signed: everybody can write such a ticket.
        None = "None",
        /// Signed but not encrypted: everybody who has the cookie reads it.
        Validation = "Validation",
    }
}

words! {
    /// The attribute `validation`: the keyed hash.
    Validation {
        /// The same as [`Sha1`](Self::Sha1) for tickets. Not in `Framework45`.
        Aes = "AES",
        /// HMAC-SHA256.
        HmacSha256 = "HMACSHA256",
        /// HMAC-SHA384.
        HmacSha384 = "HMACSHA384",
        /// HMAC-SHA512.
        HmacSha512 = "HMACSHA512",
        /// MD5 of content and key, no HMAC. Not in `Framework45`. See
        /// [`allow_md5`](super::DangerousMachineKey::allow_md5).
        Md5 = "MD5",
        /// HMAC-SHA1. See [`allow_sha1`](super::DangerousMachineKey::allow_sha1).
        Sha1 = "SHA1",
        /// The same as [`Sha1`](Self::Sha1) for tickets. Not in `Framework45`.
        TripleDes = "3DES",
    }
}

/// What `<machineKey>` and its neighbours say beside the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MachineKeyChoices {
    /// The attribute `compatibilityMode`.
    pub compatibility_mode: CompatibilityMode,
    /// The attribute `decryption`.
    pub decryption: Decryption,
    /// `aspnet:UseLegacyEncryption` in `<appSettings>`. Only read before `Framework45`.
    pub legacy_encryption: bool,
    /// The attribute `protection` of `<forms>`. Only read before `Framework45`.
    pub protection: Protection,
    /// The attribute `validation`.
    pub validation: Validation,
}
