//! Files as they are dropped: good ones, wrong ones and hostile ones.

use super::content::Content;
use super::philox::Philox;
use super::{CLASSES, Dataset, PIXELS, load_files};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;

type File = (String, Vec<u8>);

fn file(name: &str, bytes: Vec<u8>) -> File {
    (name.to_owned(), bytes)
}

/// Pixel values that differ from image to image; white border, so that nothing is inverted.
fn pixels(count: usize) -> Vec<u8> {
    (0..count * PIXELS)
        .map(|index| {
            let (image, pixel) = (index / PIXELS, index % PIXELS);
            let inside = (4..24).contains(&(pixel / 28)) && (4..24).contains(&(pixel % 28));
            if inside { ((image * 31 + pixel * 7) % 256) as u8 } else { 0 }
        })
        .collect()
}

fn labels(count: usize) -> Vec<u8> {
    (0..count).map(|index| ((index * 3 + 1) % 10) as u8).collect()
}

fn idx_images(count: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 3];
    for size in [count as u32, 28, 28] {
        bytes.extend(size.to_be_bytes());
    }
    bytes.extend(pixels(count));
    bytes
}

fn idx_labels(count: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, 1];
    bytes.extend((count as u32).to_be_bytes());
    bytes.extend(labels(count));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn csv(count: usize, header: &str, label_last: bool) -> Vec<u8> {
    let mut text = header.to_owned();
    for (label, image) in labels(count).iter().zip(pixels(count).chunks(PIXELS)) {
        let pixels: Vec<String> = image.iter().map(u8::to_string).collect();
        let pixels = pixels.join(",");
        text += &if label_last { format!("{pixels},{label}\n") } else { format!("{label},{pixels}\r\n") };
    }
    text.into_bytes()
}

fn check_invariants(data: &Dataset) {
    for split in [&data.train, &data.held_out] {
        assert!(!split.is_empty());
        assert_eq!(split.pixels.len(), split.len() * PIXELS);
        assert!(split.labels.iter().all(|label| *label < CLASSES));
        assert!(split.image(split.len()).is_none() && split.image(usize::MAX).is_none());
        assert_eq!(split.image(split.len() - 1).map(<[u8]>::len), Some(PIXELS));
    }
}

/// Loads and checks that the parts hold the first `train` and the following `held_out` images of one set.
#[track_caller]
fn check_single(files: &[File], train: usize, held_out: usize) -> Dataset {
    let data = load_files(files).unwrap();
    check_invariants(&data);
    let all = train + held_out;
    assert_eq!([&data.train.pixels[..], &data.held_out.pixels[..]].concat(), pixels(all));
    assert_eq!([&data.train.labels[..], &data.held_out.labels[..]].concat(), labels(all));
    assert_eq!((data.train.len(), data.held_out.len()), (train, held_out));
    data
}

/// Loads and checks that the error says all of `parts`.
#[track_caller]
fn check_error(files: &[File], parts: &[&str]) {
    let error = load_files(files).unwrap_err();
    for part in parts {
        assert!(error.what.contains(part), "{part:?} is not in {:?}", error.what);
    }
    assert!(!error.next.is_empty());
}

#[test]
fn an_idx_pair_is_read_plain_and_compressed_under_any_name() {
    let data = check_single(&[file("a", idx_images(13)), file("b", idx_labels(13))], 11, 2);
    assert!(data.notes.iter().any(|note| note.contains("last 2 images are held out")), "{:?}", data.notes);
    check_single(&[file("x.txt", gzip(&idx_labels(6))), file("y.png", gzip(&idx_images(6)))], 5, 1);
    check_single(&[file("labels", idx_labels(2)), file("images", gzip(&idx_images(2)))], 1, 1);
}

#[test]
fn two_pairs_are_matched_by_count_and_by_name() {
    let by_count = [
        file("t10k-labels", idx_labels(3)),
        file("train-images", idx_images(8)),
        file("t10k-images", gzip(&idx_images(3))),
        file("train-labels", idx_labels(8)),
    ];
    let data = load_files(&by_count).unwrap();
    check_invariants(&data);
    assert_eq!((data.train.len(), data.held_out.len()), (8, 3));
    // Equal counts: only the names tell them apart.
    let mut other = idx_labels(4);
    other[8..].fill(9);
    let by_name = [
        file("test-images", idx_images(4)),
        file("train-images", idx_images(4)),
        file("train-labels", idx_labels(4)),
        file("test-labels", other),
    ];
    let data = load_files(&by_name).unwrap();
    assert_eq!(data.train.labels, labels(4));
    assert_eq!(data.held_out.labels, [9; 4]);
    // A name beats the size.
    let larger_test = [
        file("t10k-images", idx_images(9)),
        file("t10k-labels", idx_labels(9)),
        file("images", idx_images(4)),
        file("labels", idx_labels(4)),
    ];
    assert_eq!(load_files(&larger_test).unwrap().train.len(), 4);
}

#[test]
fn csv_is_read_with_its_label_first_or_last() {
    check_single(&[file("a.csv", csv(12, "", false))], 10, 2);
    check_single(&[file("a.csv", csv(12, "", true))], 10, 2);
    let columns: Vec<String> = (0..PIXELS).map(|pixel| format!("pixel{pixel}")).collect();
    check_single(&[file("a.csv", csv(12, &format!("label,{}\n", columns.join(",")), false))], 10, 2);
    let numbers: Vec<String> = (0..PIXELS).map(|pixel| pixel.to_string()).collect();
    check_single(
        &[file("a.csv", csv(12, &format!("\u{feff}{},\"Class\"\n", numbers.join(",")), true))],
        10,
        2,
    );
    check_single(&[file("a.csv.gz", gzip(&csv(12, "", false)))], 10, 2);
    let semicolons: Vec<u8> =
        csv(7, "\n\n", true).iter().map(|byte| if *byte == b',' { b';' } else { *byte }).collect();
    let data = check_single(&[file("a.csv", semicolons)], 6, 1);
    assert!(data.notes[0].contains("last column"));
    let floats = String::from_utf8(csv(3, "", false)).unwrap().replace(",0,", ", 0.0 ,");
    check_single(&[file("a.csv", floats.into_bytes())], 2, 1);
    let pair =
        load_files(&[file("mnist_test.csv", csv(9, "", false)), file("mnist_train.csv", csv(4, "", true))]);
    assert_eq!(pair.unwrap().held_out.len(), 9);
}

#[test]
fn white_paper_is_inverted() {
    let mut images = idx_images(6);
    images[16..].iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
    let data = check_single(&[file("i", images), file("l", idx_labels(6))], 5, 1);
    assert!(data.notes.iter().any(|note| note.contains("inverted")));
}

#[test]
fn a_wrong_idx_file_is_named_with_what_is_wrong() {
    let labels = || file("labels", idx_labels(100));
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut bytes = idx_images(100);
        change(&mut bytes);
        [file("pictures", bytes), labels()]
    };
    check_error(
        &changed(|bytes| bytes.truncate(12_361)),
        &["pictures", "100 images", "78,400 bytes", "12,345"],
    );
    check_error(&changed(|bytes| bytes.truncate(10)), &["pictures", "cut off", "10 bytes", "16"]);
    check_error(&changed(|bytes| bytes.push(0)), &["pictures", "78,400", "more"]);
    check_error(&changed(|bytes| bytes[3] = 2), &["pictures", "wrong magic", "0x00000802", "0x00000803"]);
    check_error(&changed(|bytes| bytes[2] = 0x0D), &["0x00000d03", "32-bit floats"]);
    check_error(&changed(|bytes| bytes[0] = 0x12), &["pictures", "0x12000803", "0x00000803"]);
    check_error(&changed(|bytes| bytes[11] = 32), &["pictures", "32 x 28", "28 x 28"]);
    check_error(&changed(|bytes| bytes[4..8].fill(0xFF)), &["4,294,967,295 images", "200,000"]);
    check_error(&changed(|bytes| bytes[4..8].copy_from_slice(&[0, 3, 13, 64])), &["declares 200,000 images"]);
    check_error(&changed(|bytes| bytes[4..8].fill(0)), &["pictures", "no images"]);
    check_error(&changed(Vec::clear), &["pictures", "empty"]);
    let mut wrong = idx_labels(100);
    wrong[8 + 41] = 10;
    check_error(&[file("i", idx_images(100)), file("l", wrong)], &["l", "label number 42 is 10", "0 to 9"]);
}

#[test]
fn files_that_do_not_belong_together_are_named() {
    check_error(&[file("i", idx_images(5)), file("l", idx_labels(4))], &["i", "5 images", "l", "4 labels"]);
    check_error(&[file("train-images", idx_images(5))], &["train-images", "no label file"]);
    check_error(&[file("train-labels", idx_labels(5))], &["train-labels", "no image file"]);
    let mislabelled = [file("train-images", idx_images(5)), file("train-labels", idx_images(5))];
    check_error(&mislabelled, &["train-labels", "holds images", "its name says labels"]);
    let mislabelled = [file("train-images", idx_labels(5)), file("train-labels", idx_labels(5))];
    check_error(&mislabelled, &["train-images", "holds labels", "its name says images"]);
    let three = [file("a", idx_images(5)), file("b", idx_labels(5)), file("c", idx_images(4))];
    check_error(&three, &["\u{201c}c\u{201d}", "no label file"]);
    check_error(
        &[file("a", idx_images(5)), file("b", idx_labels(5)), file("c", csv(2, "", false))],
        &["CSV"],
    );
    check_error(&[], &["0 files"]);
    check_error(&[file("i", idx_images(1)), file("l", idx_labels(1))], &["single image"]);
    let tables: Vec<File> = (0..3).map(|index| file(&format!("{index}.csv"), csv(2, "", false))).collect();
    check_error(&tables, &["More than two"]);
}

#[test]
fn other_formats_are_named_by_their_content() {
    let cases: [(&[u8], &str); 6] = [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG"),
        (b"PK\x03\x04\x14\0\0\0", "ZIP"),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "JPEG"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"{\"a\":1}", "JSON"),
        (b"\x01\x02\x03\x04\x05", "0x01020304"),
    ];
    for (bytes, expected) in cases {
        check_error(
            &[file("train-images-idx3-ubyte", bytes.to_vec())],
            &["train-images-idx3-ubyte", expected],
        );
        check_error(&[file("x.gz", gzip(bytes))], &["x.gz", expected]);
    }
    check_error(&[file("x", gzip(&gzip(&idx_labels(9))))], &["gzip inside gzip"]);
    let mut damaged = gzip(&idx_images(50));
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x10;
    check_error(&[file("i.gz", damaged), file("l", idx_labels(50))], &["i.gz"]);
    let mut checksum = gzip(&idx_labels(50));
    let place = checksum.len() - 8;
    checksum[place] ^= 1;
    check_error(&[file("l.gz", checksum)], &["l.gz", "damaged gzip"]);
    let mut cut = gzip(&idx_images(50));
    cut.truncate(cut.len() / 2);
    check_error(&[file("i.gz", cut)], &["i.gz", "damaged gzip", "ends too early"]);
    check_error(&[file("bad\n\u{7}name", vec![])], &["bad??name"]);
}

#[test]
fn csv_errors_give_line_and_column() {
    let text = String::from_utf8(csv(5, "", false)).unwrap();
    let with_line = |number: usize, change: &dyn Fn(&str) -> String| {
        let lines = text.lines().enumerate();
        let changed: Vec<String> = lines
            .map(|(index, line)| if index + 1 == number { change(line) } else { line.to_owned() })
            .collect();
        [file("d.csv", changed.join("\n").into_bytes())]
    };
    let third = |value: &'static str| {
        move |line: &str| {
            line.split(',')
                .enumerate()
                .map(|(i, old)| if i == 2 { value } else { old })
                .collect::<Vec<_>>()
                .join(",")
        }
    };
    for value in ["256", "-1", "nan", "1e2", "", "0.5", "1000000000000"] {
        check_error(&with_line(3, &third(value)), &["d.csv", "line 3", "column 3"]);
    }
    check_error(&with_line(1, &third("x")), &["line 1", "column 3", "\u{201c}x\u{201d}"]);
    check_error(&with_line(4, &|line| format!("{line},7")), &["line 4", "786 column", "785"]);
    check_error(&with_line(2, &|line| line[2..].to_owned()), &["line 2", "784 column", "label is missing"]);
    check_error(&with_line(2, &|line| format!("{line}{}", " ".repeat(20_000))), &["line 2", "16 KiB"]);
    let out_of_range = |line: &str| format!("12{}9", &line[1..line.len() - 1]);
    let bad = text.lines().map(out_of_range).collect::<Vec<_>>().join("\n").replace(",9\n", ",99\n");
    check_error(&[file("d.csv", bad.into_bytes())], &["image 1", "label is 12"]);
    check_error(&[file("d.csv", b"label,a,b\n".to_vec())], &["no images"]);
    check_error(&[file("d.csv", vec![b'1'; 100_000])], &["d.csv", "16 KiB"]);
}

#[test]
fn a_bomb_is_unpacked_to_its_declared_size_and_one_byte() {
    let mut bomb = idx_images(10);
    bomb.resize(40 << 20, 0);
    let packed = gzip(&bomb);
    check_error(&[file("i.gz", packed.clone())], &["7,840 bytes", "more"]);
    let content = Content::open("i.gz", &packed).unwrap();
    assert_eq!(content.read_exactly(16 + 7_840).unwrap().unwrap_err(), 16 + 7_841);
    // Text has no declared size: it ends at the first line that is wrong.
    check_error(&[file("t.gz", gzip(&vec![b'\n'; 257 << 20]))], &["t.gz", "256 MiB"]);
    let too_large = vec![0; super::LARGEST_FILE_BYTES + 1];
    check_error(&[file("big", too_large)], &["big", "64 MiB"]);
}

/// Flips, overwrites, cuts, repeats or inserts bytes.
fn mutate(bytes: &mut Vec<u8>, random: &mut Philox) {
    for _ in 0..=random.below(4) {
        let length = bytes.len() as u32;
        // Headers decide most, so half of the changes hit the first 24 bytes.
        let reach = if random.below(2) == 0 { length.min(24) } else { length };
        let place = random.below(reach) as usize;
        match random.below(6) {
            0 => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1 << random.below(8)),
            1 => bytes.iter_mut().skip(place).take(4).for_each(|byte| *byte = random.word() as u8),
            2 => bytes.truncate(place),
            3 => bytes.iter_mut().skip(place).take(4).for_each(|byte| *byte = 0xFF),
            4 => bytes.extend_from_within(place..),
            _ => bytes.insert(place.min(bytes.len()), b",\n\0-9\x1f"[random.below(6) as usize]),
        }
    }
}

#[test]
fn two_thousand_mutated_files_never_panic_and_never_break_an_invariant() {
    let bases: [Vec<Vec<u8>>; 5] = [
        vec![idx_images(7), idx_labels(7)],
        vec![gzip(&idx_images(7)), gzip(&idx_labels(7))],
        vec![csv(4, "", false)],
        vec![gzip(&csv(4, "label\n", true))],
        vec![idx_images(5), idx_labels(5), gzip(&idx_images(3)), idx_labels(3)],
    ];
    let (mut random, mut accepted) = (Philox::new(11, 0), 0);
    for round in 0..2000 {
        let mut files = bases[round % bases.len()].clone();
        let victim = random.below(files.len() as u32) as usize;
        mutate(&mut files[victim], &mut random);
        let bytes: usize = files.iter().map(Vec::len).sum();
        let files: Vec<File> =
            files.into_iter().zip(["a", "b", "c", "d"]).map(|(f, name)| file(name, f)).collect();
        match load_files(&files) {
            Ok(data) => {
                check_invariants(&data);
                // Deflate packs at most 1032 to 1.
                assert!(data.train.pixels.capacity() + data.held_out.pixels.capacity() <= 2100 * bytes);
                accepted += 1;
            }
            Err(error) => assert!(!error.what.is_empty() && !error.next.is_empty()),
        }
    }
    assert!(accepted > 20, "the mutations should not all be fatal: {accepted}");
}
