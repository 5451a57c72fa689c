//! The pictures of the documentation: `BERTH_SCREENSHOTS=1 cargo test --workspace --test view screenshots`.

use std::path::Path;

use crate::browser::Browser;
use crate::recording;
use crate::server::Server;
use crate::views::SHOP;

#[test]
fn screenshots_are_written_if_asked_for() {
    let of_recording = ("view-over-time.png", "#/over-time?at=14", 1200, 760);
    let pictures = [
        ("view-map.png", "#/map?node=general-a1", 1200, 700),
        ("view-what-if.png", "#/what-if?drain=general-b1&cordon=spot-b1", 1200, 900),
        ("view-pending.png", "#/pending?pod=ml/finetune-llm-0", 1200, 620),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/images");
    if std::env::var_os("BERTH_SCREENSHOTS").is_none() {
        for (name, ..) in pictures.into_iter().chain([of_recording]) {
            let size = std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
            assert!((10_000..300_000).contains(&size), "docs/images/{name} has {size} bytes");
        }
        return;
    }
    let Some(browser) = Browser::start() else { return };
    let (shop, recorded) = (Server::start(SHOP), recording::write("incident.rec"));
    let incident = Server::start(&recorded.display().to_string());
    std::fs::create_dir_all(&folder).unwrap();
    let of_shop = pictures.into_iter().map(|picture| (&shop, picture));
    for (server, (name, fragment, width, height)) in of_shop.chain([(&incident, of_recording)]) {
        browser.resize(width, height, false);
        browser.open(&server.at(fragment));
        browser.until("return document.querySelector('#panel h2, .counts, .decisions') !== null");
        // The title names the input of the test, which is in the folder of the examples.
        browser.until(
            "return document.querySelector('[aria-busy]') === null && document.getAnimations().length === 0",
        );
        browser.until("return !document.body.innerText.includes('Computing') && !document.body.innerText.includes('Loading')");
        std::fs::write(folder.join(name), browser.screenshot()).unwrap();
    }
}
