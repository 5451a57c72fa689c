//! What an API server sends on a watch and for a list, in pieces of any size.
#![no_main]

use berth_model::object::Kind;
use berth_watch::{Command, LineBuffer, WatchState, decode};
use berth_wire::Decoder;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, body) = (usize::from(input.0).max(1), input.1);
    let (mut state, mut decoder, mut lines) = (WatchState::new(), Decoder::new(), LineBuffer::default());
    for piece in body.chunks(size) {
        lines.push(piece);
        while let Ok(Some(line)) = lines.next_line() {
            if let Command::Deliver(event) = state.on_line(&line) {
                decode(&mut decoder, Kind::Pod, &event);
            }
        }
    }
    state.on_end();
    let mut paged = WatchState::in_pages();
    if let Ok(page) = paged.on_page(body, "v1", "Pod") {
        page.events.iter().for_each(|event| drop(decode(&mut decoder, Kind::Pod, event)));
    }
    paged.on_refusal(410, body);
});
