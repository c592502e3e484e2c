//! Takes a good ticket apart, changes one layer, and puts it together again.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::{base64url, ticket::aspnet::MachineKey};

/// Changes, in the order in which they were asked for.
pub(super) type Flaws = Vec<Edit>;

type Bytes = Arc<dyn Fn(Vec<u8>) -> Vec<u8> + Send + Sync>;

/// A change of one layer.
#[derive(Clone)]
pub(super) enum Edit {
    Content(Bytes),
    Packed(Bytes),
    Protected(Bytes),
    Purpose(String, Vec<String>),
    Text(Arc<dyn Fn(String) -> String + Send + Sync>),
}

impl Edit {
    pub(super) fn content(edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Content(Arc::new(edit))
    }

    pub(super) fn packed(edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Packed(Arc::new(edit))
    }

    pub(super) fn protected(edit: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::Protected(Arc::new(edit))
    }

    pub(super) fn purpose(primary: &str, specific: &[&str]) -> Self {
        Self::Purpose(
            primary.to_owned(),
            specific.iter().map(|purpose| (*purpose).to_owned()).collect(),
        )
    }

    pub(super) fn text(edit: impl Fn(String) -> String + Send + Sync + 'static) -> Self {
        Self::Text(Arc::new(edit))
    }
}

/// How a family is put together.
pub(super) enum Layers {
    /// Hexadecimal, protected.
    Forms(MachineKey),
    /// base64url, protected for these purposes, packed.
    Katana(MachineKey, [String; 3]),
}

pub(super) fn apply(text: String, flaws: &[Edit], layers: &Layers) -> String {
    flaws.iter().fold(text, |text, flaw| match flaw {
        Edit::Content(edit) => {
            let inside = layers.open(&text);
            let inside = match layers {
                Layers::Forms(_) => edit(inside),
                Layers::Katana(..) => pack(&edit(unpack(&inside))),
            };
            layers.close(&inside)
        }
        Edit::Packed(edit) => layers.close(&edit(layers.open(&text))),
        Edit::Protected(edit) => layers.encode(&edit(layers.decode(&text))),
        Edit::Purpose(primary, specific) => {
            let specific: Vec<&str> = specific.iter().map(String::as_str).collect();
            let protector = layers.key().purpose(primary, &specific).expect("a purpose");
            layers.encode(&protector.protect(&layers.open(&text)))
        }
        Edit::Text(edit) => edit(text),
    })
}

impl Layers {
    const fn key(&self) -> &MachineKey {
        match self {
            Self::Forms(key) | Self::Katana(key, _) => key,
        }
    }

    /// What is protected.
    fn open(&self, text: &str) -> Vec<u8> {
        let protected = self.decode(text);
        let inside = match self {
            Self::Forms(key) => key.forms().expect("a key of forms tickets").unprotect(&protected),
            Self::Katana(key, purposes) => protector(key, purposes).unprotect(&protected),
        };
        inside.expect("it was good until now: damage it last")
    }

    fn close(&self, inside: &[u8]) -> String {
        self.encode(&match self {
            Self::Forms(key) => key.forms().expect("a key of forms tickets").protect(inside),
            Self::Katana(key, purposes) => protector(key, purposes).protect(inside),
        })
    }

    fn decode(&self, text: &str) -> Vec<u8> {
        match self {
            Self::Forms(_) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit");
                let pairs = text.as_bytes().chunks_exact(2);
                pairs.map(|pair| (digit(pair[0]) << 4 | digit(pair[1])) as u8).collect()
            }
            Self::Katana(..) => base64url::decode(text).expect("base64url"),
        }
    }

    fn encode(&self, bytes: &[u8]) -> String {
        match self {
            Self::Forms(_) => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
            Self::Katana(..) => base64url::encode(bytes),
        }
    }
}

fn protector(key: &MachineKey, purposes: &[String; 3]) -> crate::ticket::aspnet::Protector {
    let purposes = purposes.each_ref().map(String::as_str);
    key.purpose("User.MachineKey.Protect", &purposes).expect("a key that protects by purpose")
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut content).expect("it was packed here");
    content
}

fn pack(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}
