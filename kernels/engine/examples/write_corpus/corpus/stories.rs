//! Six kinds of short story. A story has one hero and one friend, and what belongs together comes from one row.

use super::grammar::{Writer, first_upper};
use super::story_rows::{CLUSTERS, DISHES, FAULTS, GARDENS, LOST, STORMS};

const OPENINGS: &[&str] = &[
    "{time}, {hero} came to {place}.",
    "{hero} was {a trait} person who lived in {home} and worked at {place}.",
    "{hero} had worked at {place} for many years, and everybody knew {them} there.",
    "{time}, when {sky}, {hero} unlocked the door of {place}.",
    "everyone at {place} knew {hero}, who was {trait} and never in a hurry.",
];
const TROUBLE: &[&str] = &[
    "that day the {machine} {symptom}.",
    "everything was as usual until the {machine} {symptom}.",
    "without any warning the {machine} {symptom}.",
    "{they} had just hung up {their} coat when the {machine} {symptom}.",
];
const GUESS: &[&str] = &[
    "\"surely {wrong},\" said {friend}, {their} {relation}.",
    "{their} {relation} {friend} was certain that {wrong}.",
    "{friend}, {their} {relation}, looked at it for a moment and declared that {wrong}.",
    "people gathered around, and {their} {relation} {friend} explained to all of them that {wrong}.",
];
const LISTEN: &[&str] = &[
    "{hero} was not so sure. {they} looked closely and noticed that {clue}.",
    "\"let us look before we guess,\" said {hero}. {They} waited, listened, and saw that {clue}.",
    "but {hero} shook {their} head, because {clue}.",
    "{hero} made a list of what still worked. One thing did not fit: {clue}.",
    "\"that cannot be,\" said {hero}, \"for {clue}.\"",
];
const CAUSE: &[&str] = &[
    "soon {they} had found the reason: {cause}.",
    "after a while {they} understood that {cause}.",
    "{they} took a lamp, knelt down and found that {cause}.",
    "\"come and see,\" {they} called. \"{Cause}.\"",
];
const FIX: &[&str] = &[
    "{they} {fix}, and {after}.",
    "so {they} {fix}. A moment later {after}.",
    "together they rolled up their sleeves. {hero} {fix}, {friend} held the lamp, and {after}.",
    "{hero} {fix}. It took less time than a cup of {drink}, and then {after}.",
];
const ENDINGS: &[&str] = &[
    "{friend} was {feeling}. \"I shall remember that,\" {fthey} said: \"{saying}.\"",
    "{hero} wrote {notebook}: \"{Saying}.\"",
    "in the evening they shared {snack} and some {drink}, and {friend} said, \"{Saying}.\"",
    "{hero} only smiled. \"{Saying},\" {they} said, and went home {feeling}.",
    "since then a note has hung on the wall of {place}. It says: \"{Saying}.\"",
];
const ASIDES: &[&str] = &[
    "{a animal} {animal_act}.",
    "somewhere outside, {music} could be heard.",
    "{a vehicle} stopped in the street, and its driver came in to watch.",
    "{friend} fetched {a size} {material} box to stand on.",
    "the {animal} of the neighbours {animal_act}.",
    "on the table stood a pot of {drink} and {a colour} cup.",
];

/// Something breaks, is understood, and works again.
pub fn repair(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["place", "machine", "symptom", "wrong", "clue", "cause", "fix", "after"], FAULTS);
    let title = writer.say(&[
        "The {machine} of {hero}",
        "{hero} and the {machine}",
        "What was wrong with the {machine}",
    ]);
    let first = writer.paragraph(&[OPENINGS, TROUBLE, GUESS]);
    let second = if writer.chance(60) {
        writer.paragraph(&[LISTEN, ASIDES, CAUSE])
    } else {
        writer.paragraph(&[LISTEN, CAUSE])
    };
    title + "\n\n" + &first + &second + &writer.paragraph(&[FIX, ENDINGS])
}

/// A dish goes wrong and is saved.
pub fn kitchen(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["dish", "one", "two", "three", "mishap", "remedy", "result"], DISHES);
    writer.bind("place", "the kitchen");
    let title = writer.say(&[
        "{hero} cooks {dish}",
        "{Dish} for {friend}",
        "How {hero} saved the {dish}",
        "An evening with {dish}",
    ]);
    let first = writer.paragraph(&[
        &[
            "{hero} had invited {their} {relation} {friend} to supper.",
            "{time}, {their} {relation} {friend} wrote to {hero} that {fthey} was hungry and on the way.",
            "{hero} lived in {home}, and {their} {relation} {friend} came to eat there once a week.",
            "it was the birthday of {friend}, the {relation} of {hero}, and {sky}.",
        ],
        &[
            "{hero} decided to make {dish}.",
            "\"today there will be {dish},\" {hero} announced.",
            "nothing was easier than {dish}, or so {hero} thought.",
        ],
        &[
            "on the table lay {one}, {two} and {three}.",
            "{they} bought {one} and {two} at the market and found {three} at the back of the shelf.",
            "{they} needed {one}, {two} and, above all, {three}.",
            "the {one} came from the market, the {two} from the shop, and the {three} from {friend}.",
        ],
    ]);
    let second = writer.paragraph(&[
        &[
            "at first all went well.",
            "{they} tied on {a colour} apron and began.",
            "{they} put on {a colour} apron, weighed the {one} and lit the stove.",
            "{they} had read the recipe twice and lost it once.",
        ],
        &[
            "then {mishap}.",
            "but just when the doorbell rang, {mishap}.",
            "but while {they} was listening to the radio, {mishap}.",
            "then {a animal} ran past the window, {hero} looked up for one moment, and {mishap}.",
        ],
        &[
            "\"do not throw it away,\" said {friend}. \"Food is patient.\"",
            "\"what shall we do?\" asked {friend}. {Hero} thought about it for a minute.",
            "{hero} sat down on {a material} stool. \"Think,\" {they} said, \"before you stir.\"",
            "\"my grandmother had a cure for that,\" said {friend}, and told {them}.",
        ],
    ]);
    let third = writer.paragraph(&[
        &["so {hero} {remedy}.", "{hero} {remedy}, slowly and without a word.", "calmly {hero} {remedy}."],
        &["in the end {result}.", "when they finally ate, {result}.", "it worked: {result}."],
        &[
            "{friend} asked for a second plate, and then for the recipe.",
            "\"next time,\" said {friend}, \"make the mistake again.\"",
            "they drank {drink} afterwards and were {feeling}.",
            "{hero} wrote the change {notebook}, because the best recipes are corrected ones.",
            "\"{saying},\" said {friend}, and took the last spoonful.",
        ],
    ]);
    title + "\n\n" + &first + &second + &third
}

/// Something does not grow until its reason is found.
pub fn garden(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["plant", "trouble", "wrong", "sign", "cause", "remedy", "result"], GARDENS);
    writer.bind("place", "the garden");
    let title = writer.say(&["{hero} and {plant}", "A garden in {town}", "What happened to {plant}"]);
    let first = writer.paragraph(&[
        &[
            "behind {home} there was a garden, and it belonged to {hero}.",
            "{hero} had a garden in {town}, with {a material} gate and {a size} shed.",
            "every spring {hero} dug the same bed beside {a material} fence.",
            "{hero} knew a lot about books and very little about gardens.",
        ],
        &[
            "{they} cared most of all for {plant}.",
            "this year {they} had high hopes for {plant}.",
            "nothing in it was as dear to {them} as {plant}.",
        ],
        &[
            "but there was something wrong with {plant}: {trouble}.",
            "then came a disappointment: {trouble}.",
            "one morning, when {sky}, {hero} saw with dismay what had happened: {trouble}.",
        ],
    ]);
    let second = writer.paragraph(&[
        &[
            "\"perhaps {wrong},\" said {friend}, {their} {relation}.",
            "{their} {relation} {friend} leaned over the fence and said that {wrong}.",
            "{hero} asked {their} {relation} {friend}, who believed that {wrong}.",
        ],
        &[
            "but {hero} had seen that {sign}.",
            "the next day {hero} sat beside the bed for an hour and noticed that {sign}.",
            "{hero} looked again, this time with a lamp, and found that {sign}.",
        ],
        &[
            "that explained it: {cause}.",
            "so the answer was simple: {cause}.",
            "then {they} read in an old book that {cause}, and everything made sense.",
        ],
    ]);
    let third = writer.paragraph(&[
        &[
            "{hero} {remedy}.",
            "from that day on things changed: {hero} {remedy}.",
            "together with {friend}, {hero} {remedy}.",
        ],
        &[
            "a few weeks later {result}.",
            "it took time, as everything does in a garden, but {result}.",
            "and indeed, {result}.",
        ],
        &[
            "\"{saying},\" said {friend}.",
            "{hero} gave the first basket to {friend}, who was {feeling}.",
            "the {animal} {animal_act}, and {hero} was {feeling}.",
            "in autumn they sat on {a material} bench with {snack} and talked about next year.",
        ],
    ]);
    title + "\n\n" + &first + &second + &third
}

/// A computation is slow or fails, is measured, and gets better.
pub fn cluster(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["job", "symptom", "wrong", "measured", "cause", "fix", "result"], CLUSTERS);
    writer.bind("place", "the computing centre");
    let machines = ["eight", "sixteen", "thirty-two", "sixty-four", "a hundred"];
    let machines = writer.draw(&machines);
    writer.bind("machines", machines);
    let title = writer.say(&[
        "The {job} of {hero}",
        "Why the {job} needed help",
        "{hero} looks after {machines} machines",
    ]);
    let first = writer.paragraph(&[
        &[
            "{hero} looked after {machines} machines in a cool room in {town}.",
            "in {town} there was a cluster of {machines} machines, and {hero} was its engineer.",
            "{time}, {hero} sat down in front of {their} screen with a cup of {drink}.",
            "the cluster in {town} was never quiet, and {hero} knew it by its sound.",
        ],
        &[
            "{a job} {symptom}.",
            "that week {a job} {symptom}.",
            "{their} {relation} {friend} had started {a job}, and it {symptom}.",
        ],
        &[
            "\"we need new machines,\" said {friend}. \"Clearly {wrong}.\"",
            "in the meeting {friend} said what many were thinking: {wrong}.",
            "{friend} was convinced that {wrong}, and wanted to order more of everything.",
        ],
    ]);
    let second = writer.paragraph(&[
        &[
            "\"before we spend money, let us measure,\" said {hero}.",
            "{hero} did not argue. {They} opened the profiler.",
            "{hero} asked for one hour and drew a timeline of a single step.",
        ],
        &[
            "the picture was clear: {measured}.",
            "the numbers said something else: {measured}.",
            "it showed that {measured}.",
        ],
        &[
            "the reason was plain: {cause}.",
            "so it was not what everybody had thought. In truth {cause}.",
            "{hero} followed the trace to its end and found that {cause}.",
        ],
    ]);
    let third = writer.paragraph(&[
        &[
            "{hero} {fix}.",
            "{hero} and {friend} talked it over, and then {hero} {fix}.",
            "by the afternoon there was a remedy: {hero} {fix}.",
        ],
        &[
            "after that {result}.",
            "the difference could be seen at once: {result}.",
            "they measured again, under the same conditions, and {result}.",
        ],
        &[
            "\"{saying},\" said {friend}, and closed the order form.",
            "{hero} kept both pictures, the one before and the one after, for the next new colleague.",
            "{friend} was {feeling}, and the budget was too.",
            "{hero} wrote the numbers {notebook}, with the date and the version.",
        ],
    ]);
    title + "\n\n" + &first + &second + &third
}

/// Bad weather is seen coming.
pub fn storm(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["storm", "sign", "danger", "preparation", "outcome", "lesson"], STORMS);
    writer.bind("place", "the village hall");
    let storm = writer.expand("{storm}");
    writer.bind("plain", storm.trim_start_matches("a ").to_owned());
    let plain = writer.expand("{plain}");
    let title = writer.say(&["Before the {plain}", "{hero} and the {plain}", "The year of the {plain}"]);
    let first = writer.paragraph(&[
        &[
            "{hero} lived in {home}, and from {their} window {they} could see the whole sky.",
            "in {town} people asked {hero} about the weather before they asked the radio.",
            "{hero} kept the weather diary of {town} and had not missed a day in years.",
        ],
        &[
            "one day {they} noticed that {sign}.",
            "{time} it began: {sign}.",
            "then came a day on which {sign}.",
        ],
        &[
            "\"this means {storm},\" said {hero} to {their} {relation} {friend}.",
            "{hero} went to {friend}, {their} {relation}, and said, \"There will be {storm}.\"",
            "{they} remembered from the diary what follows such signs: {storm}.",
        ],
    ]);
    let second = writer.paragraph(&[
        &[
            "{friend} looked up and saw nothing unusual.",
            "\"the radio has not said a word about it,\" answered {friend}.",
            "some laughed, but {friend} did not.",
        ],
        &[
            "{hero} was thinking of {danger}.",
            "\"and what about {danger}?\" asked {hero}.",
            "one thing was in danger above all: {danger}.",
        ],
        &[
            "so they {preparation}.",
            "without another word they {preparation}.",
            "the two of them asked the neighbours for help, and together they {preparation}.",
        ],
    ]);
    writer.bind("upper", first_upper(&plain));
    let third = writer.paragraph(&[
        &["{upper} came that same night.", "they were just in time.", "a few hours later it was there."],
        &["{outcome}.", "it was just as {hero} had said: {outcome}."],
        &[
            "\"how did you know?\" asked {friend}. \"It is simple,\" said {hero}. \"{Lesson}.\"",
            "{hero} added a line to the diary: \"{Lesson}.\"",
            "what they learnt from it is still repeated in {town}: {lesson}.",
            "later, over {snack}, {friend} said it in {ftheir} own words: {lesson}.",
        ],
    ]);
    title + "\n\n" + &first + &second + &third
}

/// Something is looked for and found.
pub fn lost(writer: &mut Writer) -> String {
    writer.begin();
    writer.cast();
    writer.bind_row(&["thing", "owner", "need", "found", "reason"], LOST);
    let title = writer.say(&["Looking for {thing}", "{hero} looks everywhere", "Where was {thing}?"]);
    let first = writer.paragraph(&[
        &[
            "{time}, {thing} could not be found.",
            "it was {hero} who noticed it first: {thing} was gone.",
            "\"has anybody seen {thing}?\" asked {hero}.",
        ],
        &[
            "{owner} needed it badly, because {need}.",
            "it could not have come at a worse time, for {need}.",
            "there was no time to lose: {need}.",
        ],
        &[
            "{hero} and {their} {relation} {friend} began to search.",
            "{hero} asked {their} {relation} {friend} to help with the search.",
            "{hero} took the upper floor, and {friend}, {their} {relation}, took the lower one.",
        ],
    ]);
    let second = writer.paragraph(&[
        &[
            "they looked in {room} and {furniture}, but there was only dust.",
            "in {room} they found {a colour} glove and half a pencil, but nothing else.",
            "first they searched {room}. {Furniture} lay {a colour} spoon, and nobody knew whose it was.",
        ],
        &[
            "then they tried {room} and looked {furniture}.",
            "{friend} emptied a drawer in {room} and found three buttons, a stamp and {a colour} candle.",
            "{furniture} there was nothing but {a colour} ribbon and the {animal}, which {animal_act}.",
        ],
        &[
            "\"let us stop running,\" said {hero}, \"and think about who had it last.\"",
            "\"{saying},\" said {friend}, and sat down on the stairs.",
            "at last {friend} asked the right question: \"What was it used for, the last time?\"",
        ],
    ]);
    let third = writer.paragraph(&[
        &[
            "and there it was, {found}.",
            "a minute later {hero} began to laugh: it was {found}.",
            "they found it {found}.",
        ],
        &[
            "as it turned out, {reason}.",
            "the explanation was simple: {reason}.",
            "slowly {hero} remembered how it had happened: {reason}.",
        ],
        &[
            "{friend} was {feeling} and put the kettle on.",
            "{hero} hung up {a colour} hook with a label that very evening.",
            "since that day everything in the house has a place, and most things are in it.",
            "\"we looked everywhere,\" said {friend}, \"except where it was.\"",
        ],
    ]);
    title + "\n\n" + &first + &second + &third
}
