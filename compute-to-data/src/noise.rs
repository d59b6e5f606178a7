//! The secret seed of a job's noise, and the commitment to it that the receipt carries.
//!
//! A seed follows from one secret of the provider's and from everything that decides what a job computes: the order, the spec
//! and the data. So a job that is run again after a crash draws the same noise and gives away nothing more, and no two
//! computations share their noise, whose difference would be free of it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use alloy::primitives::B256;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What a seed is derived for (RFC 5869's info starts with it).
const SEED: &[u8] = b"atoll noise seed v1";
/// What a commitment starts with.
const COMMITMENT: &[u8] = b"atoll noise commitment v1";
/// Name of the secret's file.
const FILE: &str = "noise.secret";

/// The secret that all seeds of a provider follow from.
pub struct NoiseSecret(Zeroizing<[u8; 32]>);

/// What a job computes: the same, and only the same, draws the same noise.
#[derive(Clone, Debug)]
pub struct Computation {
    /// The order that pays for it.
    pub order_id: B256,
    /// keccak-256 of its canonical spec.
    pub spec_hash: B256,
    /// keccak-256 of the metadata of each data set that it reads, in the spec's order. They name the content.
    pub metadata: Vec<B256>,
    /// SHA-256 of the trainer that computes it.
    pub trainer: B256,
}

impl NoiseSecret {
    /// The secret in this directory, made now if there is none, for this user alone. Several runners may share the directory.
    ///
    /// # Errors
    /// Those of the file system, and `InvalidData` for a file that is no such secret.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let path = directory.join(FILE);
        if !path.try_exists()? {
            let secret = fresh()?;
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            file.write_all(&*secret)?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                Ok(_) => File::open(directory)?.sync_all()?,
                // Another runner was faster.
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error.error),
            }
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(33));
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW).open(&path)?.take(33).read_to_end(&mut bytes)?;
        let secret = bytes.as_slice().try_into().map_err(|_| {
            let message = format!("{} does not hold 32 bytes; put the file back from a copy", path.display());
            io::Error::new(io::ErrorKind::InvalidData, message)
        })?;
        Ok(Self(Zeroizing::new(secret)))
    }

    /// The seed of a computation (HKDF-SHA256, RFC 5869).
    pub fn seed(&self, computation: &Computation) -> Zeroizing<[u8; 32]> {
        let mut seed = Zeroizing::new([0; 32]);
        let Computation { order_id, spec_hash, metadata, trainer } = computation;
        let parts = [SEED, order_id.as_slice(), spec_hash.as_slice(), trainer.as_slice()];
        let info: Vec<&[u8]> = parts.into_iter().chain(metadata.iter().map(B256::as_slice)).collect();
        Hkdf::<Sha256>::new(None, &*self.0)
            .expand_multi_info(&info, &mut *seed)
            .expect("32 bytes are not too long for HKDF-SHA256");
        seed
    }
}

/// A seed for what is done once and is nobody's secret.
///
/// # Errors
/// If the system has no random numbers.
pub fn fresh() -> io::Result<Zeroizing<[u8; 32]>> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(io::Error::other)?;
    Ok(seed)
}

/// SHA-256 of a label and the seed: it hides a seed of 32 random bytes, and fits no other.
pub fn commitment(seed: &[u8; 32]) -> B256 {
    B256::from_slice(&Sha256::new().chain_update(COMMITMENT).chain_update(seed).finalize())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn computation() -> Computation {
        let hash = B256::repeat_byte;
        Computation { order_id: hash(1), spec_hash: hash(2), metadata: vec![hash(3), hash(4)], trainer: hash(5) }
    }

    #[test]
    fn a_secret_stays_the_same_and_is_its_users_alone() {
        let directory = tempfile::tempdir().unwrap();
        let first = NoiseSecret::open(directory.path()).unwrap();
        let again = NoiseSecret::open(directory.path()).unwrap();
        assert_eq!(first.0, again.0);
        assert_ne!(*first.0, [0; 32]);
        let mode = std::fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(first.0, NoiseSecret::open(other.path()).unwrap().0);
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        for wrong in [&b""[..], &[1; 31], &[1; 33]] {
            std::fs::write(&path, wrong).unwrap();
            let error = NoiseSecret::open(directory.path()).err().unwrap();
            assert!(error.to_string().contains("put the file back"), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), wrong);
        }
    }

    #[test]
    fn whatever_changes_a_computation_changes_its_noise() {
        let secret = NoiseSecret(Zeroizing::new([9; 32]));
        let seed = |change: &dyn Fn(&mut Computation)| {
            let mut computation = computation();
            change(&mut computation);
            *secret.seed(&computation)
        };
        let hash = B256::repeat_byte(7);
        let seeds = [
            seed(&|_| {}),
            seed(&|c| c.order_id = hash),
            seed(&|c| c.spec_hash = hash),
            seed(&|c| c.trainer = hash),
            seed(&|c| c.metadata[0] = hash),
            seed(&|c| c.metadata.swap(0, 1)),
            seed(&|c| {
                c.metadata.pop();
            }),
            *NoiseSecret(Zeroizing::new([8; 32])).seed(&computation()),
        ];
        for (place, one) in seeds.iter().enumerate() {
            assert!(seeds[..place].iter().all(|other| other != one), "{place}");
            assert!(seeds.iter().filter(|other| commitment(other) == commitment(one)).count() == 1);
        }
        assert_eq!(seeds[0], seed(&|_| {}));
    }

    /// The vector was computed with Python's `hmac` and `hashlib`, after RFC 5869.
    #[test]
    fn seed_and_commitment_are_those_of_another_implementation() {
        let seed = NoiseSecret(Zeroizing::new([9; 32])).seed(&computation());
        assert_eq!(hex::encode(*seed), "f4314cfabc162070818a85f303dc067193c7dea71b2e81922f3a6cc515e99b98");
        assert_eq!(hex::encode(commitment(&seed)), "34cd50aebb9d5567be4a193adf75950c96b5e47b2fc1e336e2d5778d960baf96");
    }
}
