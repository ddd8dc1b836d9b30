//! Points that an owner of data asks about, from CSV files of integers; images are not read yet.
use crate::descriptor::Descriptor;
/// A point that is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its features.
    pub features: Vec<i32>,
    /// Its class, if the file names one.
    pub label: Option<u32>,
}
/// Why a file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryError(pub String);
/// Reads the points of a CSV file with a header line.
///
/// # Errors
/// [`QueryError`] for fields that are no integers.
pub fn read_csv_queries(input: impl std::io::Read, name: &str, data: &Descriptor) -> Result<Vec<Query>, QueryError> {
    let mut reader = ::csv::Reader::from_reader(input);
    let mut all = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| QueryError(format!("{name}: {e}")))?;
        let mut values: Vec<i32> = record
            .iter()
            .map(|f| f.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|e| QueryError(format!("{name}: {e}")))?;
        let label = if values.len() > data.features as usize { values.pop().map(|l| l as u32) } else { None };
        all.push(Query { features: values, label });
    }
    Ok(all)
}
/// Reads an image: not yet.
///
/// # Errors
/// Always.
pub fn read_png_query(_: &[u8], _: &Descriptor) -> Result<Query, QueryError> {
    Err(QueryError("images are not read yet: give a CSV file".into()))
}
