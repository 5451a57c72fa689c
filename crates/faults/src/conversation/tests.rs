//! The conversations with the simulated server, as they go with the real one.

use super::{CONVERSATIONS, Simulated};

#[test]
fn each_conversation_is_that_of_the_real_server() {
    let mut all = Vec::new();
    for conversation in &CONVERSATIONS {
        all.push(format!("# {}", conversation.name));
        all.extend((conversation.hold)(&mut Simulated::new()));
    }
    expect_test::expect_file!["conversations.txt"].assert_eq(&(all.join("\n") + "\n"));
}
