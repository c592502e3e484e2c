//! Public keys as numbers, and which of them are acceptable at all.

/// The numbers of a public key. One that exists has passed the rules of this file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PublicKey {
    Rsa {
        modulus: Box<[u8]>,
        exponent: Box<[u8]>,
    },
    /// SEC 1 uncompressed: `04 || x || y`.
    Ec {
        curve: Curve,
        point: Box<[u8]>,
    },
    Ed25519([u8; 32]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The length of a coordinate in bytes (RFC 7518 §6.2.1.2).
    pub(crate) const fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

impl PublicKey {
    /// An RSA key: 2048 to 8192 bits (RFC 7518 §3.3), without leading zero octets (§6.3.1.1), the
    /// exponent odd and at least 65537 (FIPS 186-5 §5.4) and at most 33 bits, and not made by the
    /// generator of CVE-2017-15361.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, &'static str> {
        if modulus.first() == Some(&0) || exponent.first() == Some(&0) {
            return Err("an RSA number has a leading zero octet");
        }
        match bits(modulus) {
            0..2048 => return Err("the RSA modulus is shorter than 2048 bits"),
            2048..=LONGEST_RSA => {}
            _ => return Err("the RSA modulus is too long"),
        }
        if !is_odd(modulus) {
            return Err("the RSA modulus is even");
        }
        if !is_odd(exponent) || bits(exponent) > 33 || number(exponent) < 65537 {
            return Err("the RSA exponent is not an odd number from 65537 to 33 bits");
        }
        if is_roca(modulus) {
            return Err("the RSA key was made by a broken generator (CVE-2017-15361)");
        }
        Ok(Self::Rsa { modulus: modulus.into(), exponent: exponent.into() })
    }

    /// A point by its coordinates at full length. That it lies on the curve is found out when the
    /// key is prepared.
    pub(crate) fn ec(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, &'static str> {
        if x.len() != curve.coordinate() || y.len() != curve.coordinate() {
            return Err("a coordinate has not the length of the curve");
        }
        Ok(Self::Ec { curve, point: [&[4], x, y].concat().into() })
    }

    /// An Ed25519 key: canonical, and not of small order. Under a key of small order one signature
    /// fits many messages (RFC 8032 §5.1.7 leaves the check to the caller).
    pub(crate) fn ed25519(encoded: &[u8]) -> Result<Self, &'static str> {
        let encoded: [u8; 32] =
            encoded.try_into().map_err(|_| "the Ed25519 key is not 32 bytes long")?;
        let mut y = encoded;
        y[31] &= 0x7f;
        if y.iter().rev().ge(FIELD_PRIME.iter().rev()) {
            return Err("the Ed25519 key is not canonical");
        }
        if SMALL_ORDER.contains(&y) {
            return Err("the Ed25519 key is of small order");
        }
        Ok(Self::Ed25519(encoded))
    }
}

fn bits(number: &[u8]) -> usize {
    match number {
        [] => 0,
        [first, rest @ ..] => rest.len() * 8 + (8 - first.leading_zeros() as usize),
    }
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}

/// A number of few bits.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The fingerprint of the flawed Infineon generator (M. Nemec et al., "The Return of Coppersmith's
/// Attack", §2.3): its primes, and so their product, are a power of 65537 modulo each small prime.
/// One sound key in 2^27 has it too.
fn is_roca(modulus: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let residue =
            modulus.iter().fold(0, |rest: u32, byte| (rest << 8 | u32::from(*byte)) % prime);
        let mut power = 1;
        loop {
            if power == residue {
                return true;
            }
            power = power * 65537 % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

const ROCA_PRIMES: [u32; 17] =
    [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// 2^255 - 19, least significant byte first.
const FIELD_PRIME: [u8; 32] = {
    let mut prime = [0xff; 32];
    prime[0] = 0xed;
    prime[31] = 0x7f;
    prime
};

/// The y coordinates of the eight points whose order divides 8; the sign of x does not matter.
const SMALL_ORDER: [[u8; 32]; 5] = {
    let zero = [0; 32];
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = FIELD_PRIME;
    minus_one[0] = 0xec;
    [
        zero,
        one,
        minus_one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};

#[cfg(feature = "aws-lc")]
const LONGEST_RSA: usize = 8192;
/// The `rsa` package takes no more.
#[cfg(not(feature = "aws-lc"))]
const LONGEST_RSA: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn modulus(bits: usize) -> Vec<u8> {
        // not a product of two primes, but the rules here do not factor
        let mut bytes = vec![0xa7; bits.div_ceil(8)];
        if !bits.is_multiple_of(8) {
            bytes[0] = 0xff >> (8 - bits % 8);
        }
        bytes
    }

    #[test]
    fn rsa_keys_have_a_sound_size_and_exponent() {
        let f4 = &[1, 0, 1][..];
        for (bits, accepted) in [
            (0, false),
            (1024, false),
            (2047, false),
            (2048, true),
            (4096, true),
            (LONGEST_RSA, true),
        ] {
            assert_eq!(PublicKey::rsa(&modulus(bits), f4).is_ok(), accepted, "{bits}");
        }
        assert!(PublicKey::rsa(&modulus(LONGEST_RSA + 8), f4).is_err());
        for (exponent, accepted) in [
            (&[][..], false),
            (&[0], false),
            (&[1], false),
            (&[3], false),
            (&[17], false),
            (&[0xff, 0xff], false),
            (&[1, 0, 0], false),
            (&[1, 0, 1], true),
            (&[0, 1, 0, 1], false),
            (&[1, 0, 3], true),
            (&[1, 0xff, 0xff, 0xff, 0xff], true),
            (&[2, 0, 0, 0, 1], false),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 1], false),
        ] {
            assert_eq!(PublicKey::rsa(&modulus(2048), exponent).is_ok(), accepted, "{exponent:?}");
        }
        let mut even = modulus(2048);
        even[255] = 2;
        assert!(PublicKey::rsa(&even, f4).is_err());
        assert!(PublicKey::rsa(&[&[0], &modulus(2048)[..]].concat(), f4).is_err());
    }

    #[test]
    fn the_broken_generator_is_recognised() {
        // 1 is a power of 65537 modulo everything: 2^2047 + k chosen so that all residues are 1
        let product: u128 = ROCA_PRIMES.iter().map(|prime| u128::from(*prime)).product();
        let mut bytes = [0u8; 256];
        bytes[0] = 0x80;
        let residue =
            bytes.iter().fold(0u128, |rest, byte| (rest << 8 | u128::from(*byte)) % product);
        bytes[240..].copy_from_slice(&(product - residue + 1).to_be_bytes());
        assert!(is_roca(&bytes));
        bytes[255] ^= 2;
        assert!(!is_roca(&bytes));
    }

    #[test]
    fn ed25519_keys_are_canonical_and_of_large_order() {
        let mut good = [0x11; 32];
        assert!(PublicKey::ed25519(&good).is_ok());
        assert!(PublicKey::ed25519(&good[..31]).is_err());
        assert!(PublicKey::ed25519(&[0x11; 33]).is_err());
        good[31] |= 0x80;
        assert!(PublicKey::ed25519(&good).is_ok());
        for mut y in SMALL_ORDER {
            assert!(PublicKey::ed25519(&y).is_err());
            y[31] |= 0x80;
            assert!(PublicKey::ed25519(&y).is_err());
        }
        for low in 0xed..=0xff {
            let mut y = FIELD_PRIME;
            y[0] = low;
            assert!(PublicKey::ed25519(&y).is_err(), "{low:x}");
        }
    }

    #[test]
    fn coordinates_have_their_full_length() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let long = vec![1; curve.coordinate()];
            assert!(PublicKey::ec(curve, &long, &long).is_ok());
            assert!(PublicKey::ec(curve, &long[1..], &long).is_err());
            assert!(PublicKey::ec(curve, &long, &[&[0], &long[..]].concat()).is_err());
        }
    }
}
