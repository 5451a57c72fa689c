//! The documents of the API are as their schemas in docs/ say.

use serde_json::Value;

use crate::recording;
use crate::schema;
use crate::server::{Server, printed};
use crate::views::SHOP;

/// The schema of an address.
const SCHEMAS: [(&str, &str); 10] = [
    ("info", "page-info"),
    ("cluster", "cluster-state"),
    ("pods", "pod-list"),
    ("claims", "device-claim-list"),
    ("fit", "node-fit"),
    ("difference", "difference"),
    ("explanation", "page-explanation"),
    ("comparison", "comparison"),
    ("timeline", "timeline"),
    ("decisions", "decision-list"),
];

fn assert_as_described(name: &str, document: &Value) {
    let kind = name.split('?').next().unwrap_or_default();
    let (_, file) = SCHEMAS.iter().find(|(address, _)| *address == kind).unwrap();
    let path = format!("{}/../../docs/{file}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let described: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(schema::problems(&described, document), Vec::<String>::new(), "{name}");
}

#[test]
fn every_document_of_the_api_is_as_its_schema_says() {
    let recorded = recording::write("schemas.rec").display().to_string();
    let cases = [
        (
            SHOP,
            vec![
                "info",
                "cluster",
                "pods",
                "claims",
                "fit?node=general-a1",
                "difference?drain=zone%3Deu-1a&scale=deploy%2Fshop%2Fweb%3D40",
                "explanation?pod=ml/finetune-llm-0",
                "comparison?compare=greedy&compare=best-fit",
            ],
        ),
        ("-f gpus", vec!["info", "cluster", "pods", "claims", "fit?node=gpu-2", "difference?without=gpu-2"]),
        (
            recorded.as_str(),
            vec![
                "info",
                "cluster?at=3",
                "pods?at=3",
                "fit?node=node-0&at=3",
                "timeline",
                "decisions",
                "explanation?pod=shop/web-3&at=9",
            ],
        ),
    ];
    for (input, addresses) in cases {
        let server = Server::start(input);
        addresses.iter().for_each(|name| assert_as_described(name, &server.document(name)));
    }
}

#[test]
fn every_document_of_a_file_is_as_its_schema_says() {
    let page = printed(&format!("simulate {SHOP} --offline -q -o html --compare greedy,best-fit"));
    let data = page.split_once("type=\"application/json\">").unwrap().1.split_once("</script>").unwrap().0;
    let documents: Value = serde_json::from_str(data).unwrap();
    let documents = documents.as_object().unwrap();
    assert!(documents.contains_key("info") && documents.len() > 5, "{:?}", documents.keys());
    documents.iter().for_each(|(name, document)| assert_as_described(name, document));
}
