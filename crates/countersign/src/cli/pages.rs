//! Reading a long list of the store to its end.

use countersign_core::store::{Answer, Page};

/// Rows read at a time.
const PIECE: u32 = 500;

/// Every row, in the order of the ids.
pub(super) async fn all<Id, Row>(
    read: impl AsyncFn(&Page<Id>) -> Answer<Vec<Row>>,
    id_of: impl Fn(&Row) -> Id,
) -> Answer<Vec<Row>> {
    let (mut rows, mut piece) = (Vec::new(), Page::first(PIECE));
    loop {
        let some = read(&piece).await?;
        piece.after = some.last().map(&id_of);
        let is_last = some.len() < PIECE as usize;
        rows.extend(some);
        if is_last {
            return Ok(rows);
        }
    }
}
