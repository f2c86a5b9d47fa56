//! Format 1 of the rows: each by itself in a table, and a journal whose pieces aren't packed.
//!
//! What a former release has left is taken over when the file is opened, as a whole or not at
//! all; that release refuses the file from then on.

use flowrun_log::file::Failure;
use flowrun_log::file::redb::{
    ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction,
};

use super::{groups, row, shelf};

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");

/// Moves what is there in the former way into groups that are empty so far, if there is any.
pub(super) fn take_over(
    from: &ReadTransaction,
    to: &WriteTransaction,
    damaged: groups::Damaged<'_>,
) -> Result<(), Failure> {
    let rows = match from.open_table(ROWS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(()),
        rows => rows?,
    };
    let mut journal = Vec::new();
    for entry in from.open_table(JOURNAL)?.iter()? {
        journal.extend_from_slice(entry?.1.value());
    }
    let latest = shelf::latest(row::changes(&journal).map_err(damaged)?);
    shelf::merge(&latest, to, &mut |each| {
        for entry in rows.iter()? {
            let (key, value) = entry?;
            each(key.value(), value.value())?;
        }
        Ok(())
    })?;
    to.delete_table(ROWS)?;
    to.delete_table(JOURNAL)?;
    Ok(())
}
