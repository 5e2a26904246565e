//! The plans of the hot queries: none of them may walk a table.

use crate::testing::store;

/// Statements as the modules send them, and what the planner must say about each.
const HOT: &[(&str, &str)] = &[
    (
        "SELECT op.row FROM op CROSS JOIN device AS author ON author.row = op.author
         WHERE op.room = ?1 AND (op.hlc, op.author_order, op.seq) < (?2, ?3, ?4)
           AND op.kind BETWEEN ?5 AND ?6 AND op.due_at = 0
         ORDER BY op.hlc DESC, op.author_order DESC, op.seq DESC LIMIT ?7",
        "SEARCH op USING INDEX op_place (room=? AND (hlc,author_order,seq)<(?,?,?)) | SEARCH author USING INTEGER PRIMARY KEY (rowid=?)",
    ),
    ("SELECT row FROM op WHERE id = ?1", "SEARCH op USING COVERING INDEX sqlite_autoindex_op_1 (id=?)"),
    (
        "SELECT seq, id, hlc FROM op WHERE room = ?1 AND author = ?2 ORDER BY seq DESC, row DESC LIMIT 1",
        "SEARCH op USING INDEX op_line (room=? AND author=?)",
    ),
    (
        "SELECT op.row, op.payload FROM op WHERE op.room = ?1 AND op.kind < 32
         ORDER BY op.hlc, op.author_order, op.seq",
        "SEARCH op USING INDEX op_control (room=?)",
    ),
    (
        "SELECT hlc, id FROM op WHERE room = ?1 AND hlc >= ?2 AND hlc < ?3 ORDER BY hlc",
        "SEARCH op USING INDEX op_place (room=? AND hlc>? AND hlc<?)",
    ),
    (
        "SELECT row FROM op WHERE op.room = ?1 AND op.hlc <= ?2 AND (op.hlc < ?2 OR op.id < ?3)
         ORDER BY op.hlc DESC, op.id DESC LIMIT ?4",
        "SEARCH op USING INDEX op_place (room=? AND hlc<?) | USE TEMP B-TREE FOR LAST TERM OF ORDER BY",
    ),
    (
        "SELECT row FROM op WHERE op.due_at > 0 AND op.due_at <= ?1 ORDER BY op.due_at, op.row LIMIT ?2",
        "SEARCH op USING COVERING INDEX op_due (due_at>? AND due_at<?)",
    ),
    (
        "SELECT 1 FROM ack WHERE room = ?1 AND device = ?2 AND author = ?3 AND upto >= ?4",
        "SEARCH ack USING PRIMARY KEY (room=? AND device=? AND author=?)",
    ),
    ("SELECT row FROM device WHERE peer = ?1", "SEARCH device USING COVERING INDEX device_peer (peer=?)"),
    (
        "SELECT row, body FROM relay_put WHERE relay = ?1 AND due_at <= ?2 ORDER BY due_at, row LIMIT ?3",
        "SEARCH relay_put USING INDEX relay_put_due (relay=? AND due_at<?)",
    ),
    (
        "SELECT row, body FROM lane_out WHERE device = ?1 ORDER BY row LIMIT ?2",
        "SEARCH lane_out USING INDEX lane_out_device (device=?)",
    ),
    (
        "SELECT op, body FROM frame WHERE room = ?1 AND op > ?2 ORDER BY op LIMIT ?3",
        "SEARCH frame USING INDEX frame_room (room=? AND op>?)",
    ),
    (
        "SELECT op.row, op.payload FROM search
         CROSS JOIN search_place ON search_place.place = search.rowid
         CROSS JOIN op ON op.row = search_place.op
         WHERE search MATCH ?1 ORDER BY search.rowid DESC LIMIT ?4",
        "SCAN search VIRTUAL TABLE INDEX 192:M1 | SEARCH search_place USING INTEGER PRIMARY KEY (rowid=?) | SEARCH op USING INTEGER PRIMARY KEY (rowid=?)",
    ),
];

#[test]
fn hot_queries_follow_an_index() {
    let (_dir, store) = store();
    let conn = store.writer.conn();
    let mut wrong = Vec::new();
    for (sql, expected) in HOT {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut rows = statement.raw_query();
        let mut plan = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            plan.push(step);
        }
        let plan = plan.join(" | ");
        if &plan != expected {
            wrong.push(plan);
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
