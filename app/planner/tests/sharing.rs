//! The share codec: what goes in comes out, and nothing else does.

mod common;

use common::Random;
use planner::share::{self, LIMIT_BYTES, READABLE_CHARACTERS, ShareError};
use planner::workbench::{Page, Workbench};
use planner::{experiment, presets};
use std::time::{Duration, Instant};

/// A script's link on the default preset.
fn scripted(settings: &str) -> String {
    format!("/train?v=1&p=default{settings}&end")
}

#[test]
fn ten_thousand_states_come_back() {
    let mut longest = 0;
    for index in 0..10_000 {
        let workbench = Random(index).workbench();
        let link = share::encode(&workbench);
        assert!(link.len() <= 1_800, "{index}: {} characters: {link}", link.len());
        assert!(link.bytes().all(|byte| byte.is_ascii_graphic()), "{index}: {link}");
        longest = longest.max(link.len());
        let decoded = share::decode(&link).unwrap_or_else(|error| panic!("{index}: {error}: {link}"));
        assert_eq!(decoded, workbench, "{index}: {link}");
        assert_eq!(share::decode(&format!("#{link} \n")), Ok(workbench.clone()), "{index}");
        assert_eq!(share::encode(&decoded), link, "{index}: not canonical");
        assert_eq!(share::from_json(&share::to_json(&workbench)), Ok(workbench), "{index}");
    }
    assert!(longest > READABLE_CHARACTERS / 2, "the random states never needed the packed form");
}

#[test]
fn ordinary_links_are_short_and_readable() {
    let mut workbench = Workbench { page: Page::Train, ..Workbench::default() };
    workbench.experiment.width = 32;
    workbench.experiment.seed = 7;
    workbench.scenario.accelerator_count = 128;
    let link = share::encode(&workbench);
    let (body, checksum) = link.rsplit_once("&c=").unwrap();
    assert_eq!(body, "/train?v=1&p=default&model.width=32&run.seed=7&scenario.count=128");
    assert_eq!(checksum.len(), 8);
    assert_eq!(share::decode(&scripted("&model.width=32&run.seed=7&scenario.count=128")), Ok(workbench));
}

#[test]
fn long_names_take_the_packed_form() {
    let mut workbench = Workbench::default();
    workbench.scenario.name = "長".repeat(256);
    let link = share::encode(&workbench);
    assert!(link.contains("&z="), "{link}");
    assert_eq!(share::decode(&link), Ok(workbench));
}

#[test]
fn every_truncation_is_refused() {
    for index in 0..300 {
        let link = share::encode(&Random(index).workbench());
        for end in 0..link.len() {
            let cut = &link[..end];
            match share::decode(cut) {
                Err(ShareError::CutOff | ShareError::RouteOnly { .. } | ShareError::UnknownRoute { .. }) => {}
                other => panic!("{cut}: {other:?}"),
            }
        }
    }
    let script = scripted("&model.width=32&scenario.name=The%20end");
    for end in 0..script.len() {
        assert!(share::decode(&script[..end]).is_err(), "{}", &script[..end]);
    }
}

#[test]
fn mutated_links_are_refused_or_mean_the_same() {
    let mut random = Random(99);
    let mut slowest = Duration::ZERO;
    for index in 0..4_000 {
        let workbench = random.workbench();
        let mut bytes = share::encode(&workbench).into_bytes();
        for _ in 0..=random.below(3) {
            let position = random.below(bytes.len());
            match random.below(5) {
                0 => bytes[position] ^= 1 << random.below(7),
                1 => bytes.truncate(position.max(1)),
                2 => bytes.insert(position, (random.bits() & 0x7f) as u8),
                3 => bytes.swap(position, 0),
                _ => {
                    let other = random.below(bytes.len());
                    let (low, high) = (position.min(other), position.max(other));
                    let part = bytes[low..high].to_vec();
                    bytes.extend_from_slice(&part);
                }
            }
        }
        let link = String::from_utf8_lossy(&bytes).into_owned();
        let start = Instant::now();
        let answer = share::decode(&link);
        slowest = slowest.max(start.elapsed());
        match answer {
            Ok(decoded) => assert_eq!(decoded, workbench, "{index}: {link}"),
            Err(error) => assert_message(&error),
        }
    }
    assert!(slowest < Duration::from_millis(50), "{slowest:?}");
}

/// What went wrong, what is kept, what to do; no sender's control characters.
fn assert_message(error: &ShareError) {
    let message = error.to_string();
    assert!(message.split(". ").count() >= 3, "{message}");
    assert!(message.contains("unchanged"), "{message}");
    assert!(message.len() < 900 && !message.chars().any(char::is_control), "{message:?}");
}

#[test]
fn bad_values_are_named() {
    let mut table: Vec<(String, &str)> = Vec::new();
    for key in ["run.learning_rate", "scenario.tokens", "scenario.price", "device.flops", "scenario.years"] {
        for value in
            ["NaN", "nan", "inf", "-inf", "1e308", "1e999", "-0", "-1", "", "1,5", "0x10", "+1", "1e", "١"]
        {
            table.push((key.into(), value));
        }
    }
    for key in
        ["model.width", "run.batch", "run.epochs", "scenario.count", "scenario.zero", "scenario.micro_batch"]
    {
        for value in
            ["18446744073709551615", "4294967296", "-1", "1.5", "", " 1", "+1", "1e3", "99999999999999999999"]
        {
            table.push((key.into(), value));
        }
    }
    for key in [
        "model.kind",
        "run.data",
        "scenario.accelerator",
        "scenario.model",
        "scenario.precision",
        "scenario.network",
    ] {
        for value in ["", "none", "CNN", "h100", "../etc", "%00", "%F0%9F%98%80"] {
            table.push((key.into(), value));
        }
    }
    for value in ["%00", "a%0Ab", "%E2%80%AE", "%ff", "%", &"x".repeat(257)] {
        table.push(("scenario.name".into(), Box::leak(value.to_owned().into_boxed_str())));
    }
    for (key, value) in table {
        let link = scripted(&format!("&{key}={value}"));
        match share::decode(&link) {
            Err(error @ ShareError::BadValue { .. }) => {
                assert!(error.to_string().contains(&key), "{link}: {error}");
                assert_message(&error);
            }
            other => panic!("{link}: {other:?}"),
        }
    }
}

#[test]
fn wrong_forms_have_their_own_error() {
    let check = |link: &str, expected: fn(&ShareError) -> bool| {
        let error = share::decode(link).expect_err(link);
        assert!(expected(&error), "{link}: {error:?}");
        assert_message(&error);
    };
    check("", |error| matches!(error, ShareError::RouteOnly { page: Page::Start }));
    check("#/train", |error| matches!(error, ShareError::RouteOnly { page: Page::Train }));
    check("/nowhere", |error| matches!(error, ShareError::UnknownRoute { .. }));
    check("/train?", |error| matches!(error, ShareError::CutOff));
    check("/train?v=1&p=default", |error| matches!(error, ShareError::CutOff));
    check("/train?v=1&p=default&c=0123456", |error| matches!(error, ShareError::CutOff));
    check("/train?v=1&p=default&c=01234567", |error| matches!(error, ShareError::Damaged));
    check("/train?v=2&p=default&end", |error| matches!(error, ShareError::NewerVersion { .. }));
    check("/train?v=0&p=default&end", |error| matches!(error, ShareError::NoVersion));
    check("/train?v=x&p=default&end", |error| matches!(error, ShareError::NoVersion));
    check("/train?p=default&v=1&end", |error| matches!(error, ShareError::NoVersion));
    check("/train?v=1&p=future&end", |error| matches!(error, ShareError::UnknownPreset { .. }));
    check("/train?v=1&end", |error| matches!(error, ShareError::UnknownPreset { .. }));
    check(&scripted("&model.widht=32"), |error| matches!(error, ShareError::UnknownKey { .. }));
    check(&scripted("&run.seed=1&run.seed=2"), |error| matches!(error, ShareError::DuplicateKey { .. }));
    check(&scripted("&model.kind=cnn&model.width=1000"), |error| {
        matches!(error, ShareError::BadValue { .. })
    });
    check(&scripted("&device.flops=1e12"), |error| matches!(error, ShareError::BadValue { .. }));
    check("/train?v=1&z=!!!&end", |error| matches!(error, ShareError::BadPacking));
    check("/train?v=1&z=AAAA&end", |error| {
        matches!(error, ShareError::BadPacking | ShareError::UnknownPreset { .. })
    });
    check(&scripted(&format!("&scenario.name={}", "x".repeat(LIMIT_BYTES))), |error| {
        matches!(error, ShareError::TooLong { .. })
    });
    check(&scripted(&"&a=1".repeat(10_000)), |error| {
        matches!(error, ShareError::DuplicateKey { .. } | ShareError::UnknownKey { .. })
    });
}

#[test]
fn a_setting_of_a_newer_version_is_reported_and_passed_over() {
    let body = "/train?v=1&p=default&future.knob=3&run.seed=9";
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    let decoded = share::decode_with_notes(&format!("{body}&c={:08x}", crc.sum())).unwrap();
    assert_eq!(decoded.workbench.experiment.seed, 9);
    assert!(decoded.notes.iter().any(|note| note.contains("future.knob")), "{:?}", decoded.notes);
}

#[test]
fn a_bomb_is_stopped_at_the_cap() {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![b'\n'; 40 << 20]).unwrap();
    let packed: String = base64url(&encoder.finish().unwrap());
    assert!(packed.len() < LIMIT_BYTES, "{}", packed.len());
    let start = Instant::now();
    let error = share::decode(&format!("/train?v=1&z={packed}&end")).unwrap_err();
    assert!(matches!(error, ShareError::TooLong { .. }), "{error:?}");
    assert!(start.elapsed() < Duration::from_millis(50));
}

/// An independent encoder: bit by bit.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bit = |index: usize| bytes.get(index / 8).is_some_and(|byte| byte >> (7 - index % 8) & 1 == 1);
    (0..(bytes.len() * 8).div_ceil(6))
        .map(|group| (0..6).fold(0, |value, index| value << 1 | usize::from(bit(group * 6 + index))))
        .map(|value| char::from(ALPHABET[value]))
        .collect()
}

#[test]
fn files_are_read_under_the_same_rules() {
    let text = share::to_json(&Workbench::default());
    assert!(text.contains("\"ridgepoint\": 1"), "{text}");
    let tolerant = text.replacen("\"page\"", "\"unknown\": {\"deep\": [1, 2]}, \"page\"", 1);
    assert_eq!(share::from_json(&tolerant), Ok(Workbench::default()));
    assert_eq!(share::from_json("{\"ridgepoint\": 1, \"workbench\": {}}"), Ok(Workbench::default()));
    for (bad, hint) in [
        (text.replace("\"accelerator_count\": 64", "\"accelerator_count\": 0"), "scenario.count"),
        (text.replace("\"learning_rate\": 0.002", "\"learning_rate\": 1e300"), "run.learning_rate"),
        (text.replace("\"h100-sxm\"", "\"h9000\""), "scenario.accelerator"),
        (text.replace("\"ridgepoint\": 1", "\"ridgepoint\": 2"), "newer"),
        (text.replace("\"ridgepoint\": 1", "\"ridgepoint\": 0"), "version"),
        (text[..text.len() / 2].to_owned(), "not one of this workbench"),
        ("[".repeat(60_000), "not one of this workbench"),
        (" ".repeat(LIMIT_BYTES + 1), "64 KiB"),
        (String::new(), "not one of this workbench"),
    ] {
        let error = share::from_json(&bad).expect_err(hint);
        assert!(error.to_string().contains(hint), "{hint}: {error}");
        assert_message(&error);
    }
}

#[test]
fn every_preset_has_a_link_that_opens_it() {
    for preset in presets::all() {
        let workbench = preset.workbench();
        let link = share::encode(&workbench);
        assert!(link.len() < 120, "{link}");
        assert_eq!(share::decode(&link), Ok(workbench), "{}", preset.id);
    }
}

#[test]
fn a_link_to_own_files_says_so() {
    let link = scripted("&run.data=files");
    let decoded = share::decode_with_notes(&link).unwrap();
    assert_eq!(decoded.workbench.experiment.dataset, experiment::DatasetChoice::Files);
    assert_eq!(decoded.notes.len(), 1);
}

#[test]
fn the_longest_names_still_fit() {
    // 256 characters without any repetition to pack, of two, three and four bytes, beside settings that all differ.
    for (first, count) in [(0x400, 0x100), (0x4e00, 0x5000), (0x1f300, 0x300), (0x20000, 0xa000)] {
        let mut random = Random(u64::from(first));
        let mut workbench = (0..).map(|_| random.workbench()).find(|workbench| {
            workbench.scenario.measured_device.is_some() && workbench.experiment.seed > 1_000_000
        });
        let workbench = workbench.as_mut().unwrap();
        workbench.scenario.name =
            (0..256).map(|_| char::from_u32(first + random.below(count) as u32).unwrap()).collect();
        let link = share::encode(workbench);
        assert!(link.len() <= 1_800, "{first:x}: {}", link.len());
        assert_eq!(share::decode(&link).as_ref(), Ok(&*workbench));
    }
}
