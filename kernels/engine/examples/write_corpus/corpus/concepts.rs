//! Plain explanations of one thing each, and conversations about them.

use super::concepts_more::{NATURE, TECHNICAL};
use super::grammar::Writer;

/// Cells of a row: name, what it is, picture, example, why it matters, mistake, question that a child may ask, answer.
const CELLS: [&str; 8] = ["name", "what", "picture", "example", "why", "mistake", "question", "answer"];

fn bind(writer: &mut Writer) {
    writer.begin();
    writer.cast();
    let rows = if writer.chance(55) { TECHNICAL } else { NATURE };
    writer.bind_row(&CELLS, rows);
}

/// What a thing is, in one or two paragraphs.
pub fn explanation(writer: &mut Writer) -> String {
    bind(writer);
    let title = writer.say(&["What is {name}?", "{Name}, in plain words", "About {name}", "{Name}"]);
    let first = writer.paragraph(&[
        &["{what}.", "in one sentence: {what}.", "to put it simply, {what}."],
        &["{picture}.", "a picture helps: {picture}.", "you may think of it like this: {picture}."],
        &["for example, {example}.", "here is an example: {example}.", "{example}."],
    ]);
    let second = writer.paragraph(&[
        &[
            "this matters because {why}.",
            "why should we care? Because {why}.",
            "it is worth knowing, since {why}.",
        ],
        &[
            "a common mistake is to think that {mistake}.",
            "some people believe that {mistake}, but that is not so.",
            "do not be misled: it is not true that {mistake}.",
        ],
    ]);
    let third = if writer.chance(50) {
        writer.paragraph(&[
            &[
                "\"{Question}\" asked {hero}.",
                "{hero} once asked: \"{Question}\"",
                "a pupil asked, \"{Question}\"",
            ],
            &[
                "the answer is simple: {answer}.",
                "\"{Answer},\" was the answer.",
                "\"{Answer},\" said {friend}.",
            ],
        ])
    } else {
        String::new()
    };
    title + "\n\n" + &first + &second + &third
}

/// Two people talk about a thing.
pub fn conversation(writer: &mut Writer) -> String {
    bind(writer);
    let title =
        writer.say(&["{hero} asks about {name}", "A conversation about {name}", "{friend} explains {name}"]);
    let opening = writer.paragraph(&[&[
        "{hero} and {their} {relation} {friend} were sitting over {drink}.",
        "{time}, {hero} went for a walk with {friend}, {their} {relation}.",
        "{friend}, the {relation} of {hero}, liked nothing better than a good question.",
    ]]);
    let lines: [&[&str]; 8] = [
        &[
            "\"What is {name}?\" asked {hero}.",
            "\"Tell me about {name},\" said {hero}.",
            "\"Everybody talks about {name},\" said {hero}. \"What is it?\"",
        ],
        &["\"{What},\" said {friend}.", "\"It is not hard,\" said {friend}. \"{What}.\""],
        &[
            "\"Can you give me a picture?\" asked {hero}.",
            "{Hero} frowned. \"I cannot see it yet.\"",
            "\"And in simpler words?\"",
        ],
        &["\"Of course. {Picture}.\"", "\"Then think of it like this,\" said {friend}. \"{Picture}.\""],
        &["\"{Question}\" asked {hero}.", "{Hero} thought about it. \"{Question}\""],
        &["\"{Answer},\" said {friend}.", "{Friend} nodded. \"{Answer}.\""],
        &[
            "\"So it is not true that {mistake}?\" said {hero}.",
            "\"And I had always believed that {mistake},\" said {hero}.",
        ],
        &[
            "\"No,\" said {friend}. \"And it is worth knowing, because {why}.\"",
            "\"Many people believe it,\" said {friend}, \"and many people are wrong.\"",
        ],
    ];
    let mut talk = String::new();
    for line in lines {
        talk += &writer.say(line);
        talk += "\n\n";
    }
    let ending = writer.paragraph(&[&[
        "they finished their {drink} and were both {feeling}.",
        "{hero} wrote it {notebook} that same evening.",
        "\"tomorrow,\" said {friend}, \"you explain it to me.\"",
        "outside, {sky}, and neither of them had noticed.",
    ]]);
    title + "\n\n" + &opening + &talk + &ending
}
