//! The file format: what goes in comes out, and nothing damaged comes out.

use super::*;
use proptest::prelude::*;

fn small() -> Checkpoint {
    Checkpoint {
        head: CheckpointHead {
            build_id: "2c9f".to_owned(),
            model: "gpt 2 layers\n\u{201c}tied\u{201d}".to_owned(),
            settings: String::new(),
            step: 1234,
            epoch: 3,
            data_cursor: u64::MAX,
            seed: 42,
            counters: vec![1, 0, 99],
            schedule_position: 1234,
            tuning: "matmul=4x4".to_owned(),
        },
        blobs: vec![
            ("weights".to_owned(), vec![1, 2, u32::MAX]),
            ("empty".to_owned(), vec![]),
            ("moments".to_owned(), vec![0x7FC0_0000; 5]),
        ],
    }
}

#[test]
fn every_changed_byte_is_noticed() {
    let bytes = small().to_bytes().unwrap();
    assert_eq!(Checkpoint::from_bytes(&bytes), Ok(small()));
    for position in 0..bytes.len() {
        for change in 1..=255_u8 {
            let mut damaged = bytes.clone();
            damaged[position] ^= change;
            assert!(Checkpoint::verify(&damaged).is_err(), "byte {position} ^ {change}");
        }
    }
}

#[test]
fn every_truncation_is_noticed_and_so_is_a_tail() {
    let bytes = small().to_bytes().unwrap();
    for length in 0..bytes.len() {
        let error = Checkpoint::from_bytes(&bytes[..length]).unwrap_err();
        let truncated = matches!(
            error,
            CheckpointError::Truncated { needed_bytes, found_bytes }
                if found_bytes == length as u64 && needed_bytes > found_bytes && needed_bytes <= bytes.len() as u64
        );
        assert!(truncated, "{length}: {error}");
    }
    let long = [bytes, vec![0; 3]].concat();
    assert_eq!(Checkpoint::from_bytes(&long), Err(CheckpointError::TooLong { extra_bytes: 3 }));
}

/// Writes `value` at `offset` and makes the head's checksum right again, as an attacker would.
fn forged(offset: usize, value: &[u8]) -> Vec<u8> {
    let mut bytes = small().to_bytes().unwrap();
    bytes[offset..offset + value.len()].copy_from_slice(value);
    let size = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let covered = 24 + size(12) + size(16);
    if let Some(digest) = bytes.get(..covered).map(sha256)
        && let Some(place) = bytes.get_mut(covered..covered + 32)
    {
        place.copy_from_slice(&digest);
    }
    bytes
}

#[test]
fn each_kind_of_damage_has_its_own_words() {
    let bytes = small().to_bytes().unwrap();
    let table = 24 + u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    let huge = u32::MAX.to_le_bytes();
    let mut body = bytes.clone();
    *body.last_mut().unwrap() ^= 1;
    let cases = [
        (b"PK\x03\x04 a zip archive, not a checkpoint".to_vec(), "not a checkpoint"),
        (forged(8, &2_u32.to_le_bytes()), "format 2, and this build reads up to 1"),
        (forged(8, &0_u32.to_le_bytes()), "unknown format 0"),
        (forged(12, &huge), "head of the checkpoint is 4294967295"),
        (forged(12, &65_536_u32.to_le_bytes()), "truncated"),
        (forged(16, &huge), "table of the checkpoint is 4294967295"),
        (forged(20, &huge), "number of blobs of the checkpoint is 4294967295"),
        (forged(20, &2_u32.to_le_bytes()), "expected a table"),
        (forged(20, &4_u32.to_le_bytes()), "expected a table"),
        (forged(24, b"build_ID"), "expected build_id"),
        (forged(24, b"\xFF"), "expected a head in UTF-8"),
        (forged(table, &huge[..2]), "expected a table"),
        (forged(table + 2, b"\xFF"), "expected a table"),
        (forged(table + 2 + 7, &(1_u64 << 62).to_le_bytes()), "expected a table"),
        (forged(table + 2 + 7, &(1_u64 << 40).to_le_bytes()), "truncated: it needs at least 4398046"),
        (forged(table + 2 + 7, &2_u64.to_le_bytes()), "4 bytes after its end"),
        (body, "\u{201c}moments\u{201d} in the checkpoint is damaged"),
    ];
    for (bytes, expected) in cases {
        let error = Checkpoint::from_bytes(&bytes).unwrap_err().to_string();
        assert!(error.contains(expected), "expected {expected:?}, found {error:?}");
    }
    let head = forged(30, b"x");
    let mut unsigned = bytes.clone();
    unsigned[30] = b'x';
    assert_ne!(head, unsigned);
    assert_eq!(Checkpoint::verify(&unsigned), Err(CheckpointError::HeadChecksum));
}

#[test]
fn what_does_not_fit_is_not_written() {
    let too_large = |part: &'static str, checkpoint: &Checkpoint| match checkpoint.to_bytes() {
        Err(CheckpointError::TooLarge { part: found, .. }) => assert_eq!(found, part),
        other => panic!("{other:?}"),
    };
    let mut checkpoint = small();
    checkpoint.head.model = "x".repeat(LARGEST_HEAD_BYTES);
    too_large("head", &checkpoint);
    let mut checkpoint = small();
    checkpoint.blobs[0].0 = "x".repeat(65_536);
    too_large("name", &checkpoint);
    checkpoint.blobs = (0..=LARGEST_BLOB_COUNT).map(|index| (index.to_string(), vec![])).collect();
    too_large("number of blobs", &checkpoint);
    let mut checkpoint = small();
    checkpoint.blobs[1].0 = "weights".to_owned();
    assert_eq!(checkpoint.to_bytes(), Err(CheckpointError::DuplicateName { name: "weights".to_owned() }));
}

fn texts() -> impl Strategy<Value = String> {
    "\\PC{0,20}|[\n 0-9a-z]{0,30}"
}

prop_compose! {
    fn checkpoints()(
        (build_id, model, settings, tuning) in (texts(), texts(), texts(), texts()),
        (step, epoch, data_cursor, seed) in any::<(u64, u64, u64, u64)>(),
        schedule_position in any::<u64>(),
        counters in proptest::collection::vec(any::<u64>(), 0..5),
        blobs in proptest::collection::btree_map(texts(), proptest::collection::vec(any::<u32>(), 0..40), 0..5),
    ) -> Checkpoint {
        let head = CheckpointHead {
            build_id, model, settings, step, epoch, data_cursor, seed, counters, schedule_position, tuning,
        };
        Checkpoint { head, blobs: blobs.into_iter().collect() }
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(checkpoint in checkpoints()) {
        let bytes = checkpoint.to_bytes().unwrap();
        prop_assert_eq!(&Checkpoint::verify(&bytes).unwrap(), &checkpoint.head);
        prop_assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), checkpoint);
    }

    #[test]
    fn forged_heads_never_panic(offset in 8..260_usize, value in proptest::collection::vec(any::<u8>(), 1..12)) {
        let _ = Checkpoint::from_bytes(&forged(offset, &value));
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let with_magic = [b"RIDGECKP\x01\0\0\0".as_slice(), &bytes].concat();
        prop_assert!(Checkpoint::from_bytes(&bytes).is_err());
        prop_assert!(Checkpoint::from_bytes(&with_magic).is_err());
    }
}
