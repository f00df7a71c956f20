//! Reading all pages of a list.

use countersign_core::store::{Answer, Page};

/// Rows per page.
const PAGE_SIZE: u32 = 500;

/// Reads every row, in the order of the ids.
pub(super) async fn all<Id, Row>(
    read: impl AsyncFn(&Page<Id>) -> Answer<Vec<Row>>,
    id_of: impl Fn(&Row) -> Id,
) -> Answer<Vec<Row>> {
    let (mut rows, mut page) = (Vec::new(), Page::first(PAGE_SIZE));
    loop {
        let some = read(&page).await?;
        page.after = some.last().map(&id_of);
        let is_last = some.len() < PAGE_SIZE as usize;
        rows.extend(some);
        if is_last {
            return Ok(rows);
        }
    }
}
