//! CBC over RustCrypto's ciphers.

use cbc::cipher::{
    Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit,
};

pub(super) fn encrypt<C>(cipher: &C, iv: &[u8], buffer: &mut [u8]) -> Option<()>
where
    C: BlockCipherEncrypt,
{
    let (blocks, rest) = Array::slice_as_chunks_mut(buffer);
    let mut chain = cbc::Encryptor::inner_iv_slice_init(cipher, iv).ok()?;
    rest.is_empty().then(|| chain.encrypt_blocks(blocks))
}

pub(super) fn decrypt<C>(cipher: &C, iv: &[u8], buffer: &mut [u8]) -> Option<()>
where
    C: BlockCipherDecrypt,
{
    let (blocks, rest) = Array::slice_as_chunks_mut(buffer);
    let mut chain = cbc::Decryptor::inner_iv_slice_init(cipher, iv).ok()?;
    rest.is_empty().then(|| chain.decrypt_blocks(blocks))
}
