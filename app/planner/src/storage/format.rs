//! Bytes and core-seconds of one sample, by format, compression and pruning.
//!
//! Stored bytes: `raw x encoding / (1 + (codec ratio - 1) x residual redundancy)`: a columnar encoding or a JPEG has
//! already removed most of what a codec would find.
//!
//! Bytes read for one sample that the job uses: `stored x columns x partitions x row groups / selected`. A job that
//! uses one sample in ten of an unpartitioned CSV file reads ten samples for each; partitioning by the same key leaves
//! one. Columns count for columnar formats only, row groups for formats with statistics only.
//!
//! Decompression is charged per plain byte (as its benchmarks are), decoding per encoded byte, both on what was read.
//! Left out on purpose: the footer (small beside a row group), and that a gzipped text file cannot be split.

use super::{Case, Codec, Format, StorageError, check};
use crate::units::{Bytes, Seconds};

/// A data set, and the part of it that a job uses.
#[derive(Debug, Clone, Copy)]
pub struct Dataset<'a> {
    /// Layout in files.
    pub format: &'a Format,
    /// Compression.
    pub codec: &'a Codec,
    /// One sample in memory (a decoded image, a row of numbers, a sequence of token ids).
    pub raw: Bytes,
    /// Share of the samples that the job uses.
    pub selected_share: f64,
    /// Share of the data in partitions that hold selected samples; 1 without partitioning.
    pub partition_share: f64,
    /// Share of the row groups in these partitions that statistics cannot rule out; 1 without sorting.
    pub row_group_share: f64,
    /// Share of the bytes in columns that the job uses.
    pub column_share: f64,
}

/// What one used sample weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleCost {
    /// On the store.
    pub stored: Bytes,
    /// Moved from the store.
    pub read: Bytes,
    /// After decompression.
    pub encoded: Bytes,
    /// Core time to decompress.
    pub decompress: Seconds,
    /// Core time to decode.
    pub decode: Seconds,
}

impl<'a> Dataset<'a> {
    /// A data set that is used whole.
    #[must_use]
    pub const fn whole(format: &'a Format, codec: &'a Codec, raw: Bytes) -> Self {
        Self {
            format,
            codec,
            raw,
            selected_share: 1.0,
            partition_share: 1.0,
            row_group_share: 1.0,
            column_share: 1.0,
        }
    }

    /// Bytes read per byte stored, for one used sample.
    ///
    /// # Errors
    /// [`StorageError::OutOfRange`] names a share that is not one;
    /// [`StorageError::PrunedTooMuch`] when selected samples would be skipped.
    pub fn read_amplification(&self) -> Result<f64, StorageError> {
        let share = (1e-9, 1.0);
        let selected = check("selected_share", self.selected_share, share, "")?;
        let partitions = check("partition_share", self.partition_share, share, "")?;
        let groups = check("row_group_share", self.row_group_share, share, "")?;
        let columns = check("column_share", self.column_share, share, "")?;
        let groups = if self.format.statistics { groups } else { 1.0 };
        let columns = if self.format.columnar { columns } else { 1.0 };
        // One part in 10^9: shares that a user derived by division are not exact.
        if partitions * groups < selected * (1.0 - 1e-9) {
            let (selected_share, read_share) = (selected, partitions * groups);
            return Err(StorageError::PrunedTooMuch { selected_share, read_share });
        }
        Ok(columns * partitions * groups / selected)
    }

    /// Plain bytes per compressed byte in this format.
    #[must_use]
    pub fn compression_ratio(&self, case: Case) -> f64 {
        let gain = self.codec.ratio.more_is_better(case) - 1.0;
        1.0 + gain * self.format.residual_redundancy.more_is_better(case)
    }

    /// Bytes and core time of one used sample.
    ///
    /// # Errors
    /// As [`Self::read_amplification`], and [`StorageError::OutOfRange`] for `raw`.
    pub fn sample_cost(&self, case: Case) -> Result<SampleCost, StorageError> {
        let raw = check("raw", self.raw.0, (1e-3, 1e13), "bytes")?;
        let amplification = self.read_amplification()?;
        let plain = raw * self.format.encoded_bytes_per_raw_byte.less_is_better(case);
        let stored = plain / self.compression_ratio(case);
        let encoded = plain * amplification;
        let core_time = |rate: f64| Seconds(encoded / rate);
        Ok(SampleCost {
            stored: Bytes(stored),
            read: Bytes(stored * amplification),
            encoded: Bytes(encoded),
            decompress: self
                .codec
                .decompress_bytes_per_second
                .map_or(Seconds(0.0), |rate| core_time(rate.more_is_better(case))),
            decode: core_time(self.format.decode_bytes_per_second.more_is_better(case)),
        })
    }
}
