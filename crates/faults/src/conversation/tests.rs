//! The conversations with the simulated server, as they go with the real one.

use super::{CONVERSATIONS, Simulated};

#[test]
fn no_conversation_is_empty_and_each_goes_as_with_the_real_server() {
    let mut all = Vec::new();
    for conversation in &CONVERSATIONS {
        all.push(format!("# {}", conversation.name));
        all.extend((conversation.hold)(&mut Simulated::new()));
    }
    expect_test::expect_file!["conversations.txt"].assert_eq(&(all.join("\n") + "\n"));
}
