//! Randomness at the edge.
//!
//! Owns the operating system's generator; every function of this crate takes a generator instead,
//! so that tests are deterministic where the libraries allow it. (vodozemac draws its own keys.)

pub use rand_core::CryptoRng;

/// The operating system's generator. It panics if the system has no randomness: nothing secret can
/// be made then.
pub type OsRng = rand_core::UnwrapErr<getrandom::SysRng>;

/// The operating system's generator.
pub fn os_rng() -> OsRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

/// `N` random bytes.
pub fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
