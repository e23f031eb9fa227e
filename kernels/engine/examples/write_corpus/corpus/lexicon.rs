//! Words by kind. Every list is used to its last word.

pub const WOMEN: &[&str] = &[
    "Ada", "Amina", "Beatriz", "Clara", "Dorothy", "Elif", "Freya", "Greta", "Hana", "Ingrid", "Jun",
    "Katya", "Leila", "Mara", "Nora", "Olga", "Priya", "Rosa", "Sofia", "Tessa", "Uma", "Vera", "Wanda",
    "Yara", "Zofia",
];
pub const MEN: &[&str] = &[
    "Anton", "Bruno", "Carlos", "David", "Emil", "Felix", "Goran", "Hugo", "Ivan", "Jonas", "Kofi", "Luca",
    "Mateo", "Nils", "Omar", "Pavel", "Quentin", "Ravi", "Samir", "Tomas", "Udo", "Viktor", "Walter",
    "Yusuf", "Zoltan",
];
pub const FEMALE_RELATIONS: &[&str] =
    &["sister", "aunt", "grandmother", "neighbour", "teacher", "cousin", "colleague"];
pub const MALE_RELATIONS: &[&str] =
    &["brother", "uncle", "grandfather", "neighbour", "teacher", "cousin", "colleague"];

const NONE: &[&str] = &["{unknown slot}"];

const COLOUR: &[&str] = &[
    "red",
    "blue",
    "green",
    "yellow",
    "grey",
    "brown",
    "white",
    "black",
    "purple",
    "orange",
    "silver",
    "copper",
    "turquoise",
    "crimson",
    "cream",
];
const SIZE: &[&str] = &["small", "large", "narrow", "wide", "tall", "heavy", "enormous", "tiny"];
const MATERIAL: &[&str] = &[
    "wooden", "iron", "copper", "plastic", "steel", "stone", "brass", "wicker", "bamboo", "oak", "pine",
    "rusty", "painted",
];
const TIME: &[&str] = &[
    "on Monday morning",
    "early one Tuesday",
    "on a Wednesday afternoon",
    "late on Thursday",
    "on Friday evening",
    "one quiet Saturday",
    "on Sunday after breakfast",
    "just before noon",
    "at sunrise",
    "shortly after midnight",
    "in the first week of spring",
    "on the longest day of summer",
    "one evening in autumn",
    "in the middle of winter",
    "on the last day of the month",
    "at the end of a busy week",
];
const SKY: &[&str] = &[
    "the sky was clear and pale",
    "thin clouds drifted in from the west",
    "fog lay over the fields",
    "a light rain tapped on the roof",
    "the wind pulled at the shutters",
    "frost covered the windows",
    "the sun was already warm",
    "snow was melting in the gutters",
    "the air smelled of wet leaves",
    "swallows circled above the chimneys",
    "the streets were still empty",
    "a thin moon hung above the hills",
    "thunder muttered somewhere behind the mountains",
    "the river was high and brown",
];
const TRAIT: &[&str] = &[
    "patient",
    "curious",
    "careful",
    "stubborn",
    "cheerful",
    "quiet",
    "practical",
    "clever",
    "thoughtful",
    "quick",
    "generous",
    "modest",
    "observant",
    "honest",
    "brave",
    "tidy",
    "absent-minded",
    "proud",
];
const FEELING: &[&str] = &[
    "relieved",
    "proud",
    "tired but happy",
    "surprised",
    "grateful",
    "calm again",
    "delighted",
    "satisfied",
    "a little embarrassed",
    "full of new ideas",
    "ready for supper",
    "glad of the company",
];
const DRINK: &[&str] = &[
    "tea",
    "coffee",
    "cocoa",
    "lemonade",
    "cold water",
    "apple juice",
    "warm milk",
    "mint tea",
    "ginger tea",
    "cider",
];
const SNACK: &[&str] = &[
    "a slice of bread and butter",
    "a bowl of walnuts",
    "two ripe pears",
    "a plate of biscuits",
    "a piece of plum cake",
    "some cheese and an apple",
    "a handful of cherries",
    "warm pancakes",
    "toast with honey",
    "a basket of figs",
];
const HOME: &[&str] = &[
    "a brick house beside the canal",
    "a flat above the bakery",
    "a farm at the end of the valley",
    "a cottage near the harbour",
    "a village between two hills",
    "a tower block on the edge of the city",
    "a houseboat with a tin chimney",
    "an old railway station",
    "a street of tailors and bookshops",
    "the top floor of a former factory",
];
const ANIMAL: &[&str] = &[
    "cat", "dog", "goat", "hen", "donkey", "goose", "parrot", "tortoise", "rabbit", "pony", "crow",
    "hedgehog", "duck", "lamb",
];
const ANIMAL_ACT: &[&str] = &[
    "slept through all of it",
    "watched from the doorstep",
    "stole a crust and ran away",
    "followed {them} everywhere",
    "sat on the only dry chair",
    "seemed to know the answer already",
    "made a great noise about nothing",
    "refused to move",
    "looked on with one eye open",
    "knocked over an empty bucket",
];
const SAYING: &[&str] = &[
    "measure first, and guess afterwards",
    "look at what is there before you look for what is not",
    "the cheapest repair is the one you understand",
    "a small cause can stop a large wheel",
    "slow is smooth, and smooth is fast",
    "write it down while you still remember it",
    "ask the person who was there",
    "change one thing at a time",
    "what you cannot see, you can often hear",
    "the simplest answer deserves the first look",
    "nobody is too old for a checklist",
    "a good question saves an hour of work",
    "a tool is only as good as the place where you put it back",
    "when everything seems broken, one thing is broken",
];
const NOTEBOOK: &[&str] = &[
    "in a green notebook",
    "on the back of an envelope",
    "on a chalkboard",
    "on the kitchen calendar",
    "on a strip of paper tape",
    "in the margin of a newspaper",
    "on a card with a hole in the corner",
    "on the first page of a new diary",
];
const ROOM: &[&str] = &[
    "the attic",
    "the cellar",
    "the hallway",
    "the pantry",
    "the workshop",
    "the laundry",
    "the library",
    "the porch",
    "the garage",
    "the greenhouse",
    "the stable",
    "the office",
];
const FURNITURE: &[&str] = &[
    "behind the bookshelf",
    "under the sofa",
    "inside the piano stool",
    "on top of the wardrobe",
    "below the stairs",
    "in the bottom drawer",
    "beside the umbrella stand",
    "between two cushions",
    "in the laundry basket",
    "next to the toolbox",
    "under a pile of newspapers",
    "behind the curtain",
];
const TOWN: &[&str] = &[
    "Alderbrook",
    "Westhaven",
    "Stonefield",
    "Port Linden",
    "Highmoor",
    "Rivergate",
    "Oakhollow",
    "Saltmarsh",
    "Northwick",
    "Greycliff",
    "Millbridge",
    "Larkhill",
];
const VEHICLE: &[&str] = &[
    "bicycle",
    "tractor",
    "ferry",
    "lorry",
    "tram",
    "wheelbarrow",
    "sledge",
    "rowing boat",
    "motorcycle",
    "night bus",
    "hay cart",
    "cable car",
];
const MUSIC: &[&str] = &[
    "an accordion",
    "a violin",
    "a trumpet",
    "a choir",
    "a harmonica",
    "a drum",
    "a radio",
    "a guitar",
    "church bells",
    "a flute",
];

/// The list of that name.
pub fn list(name: &str) -> &'static [&'static str] {
    match name {
        "colour" => COLOUR,
        "size" => SIZE,
        "material" => MATERIAL,
        "time" => TIME,
        "sky" => SKY,
        "trait" => TRAIT,
        "feeling" => FEELING,
        "drink" => DRINK,
        "snack" => SNACK,
        "home" => HOME,
        "animal" => ANIMAL,
        "animal_act" => ANIMAL_ACT,
        "saying" => SAYING,
        "notebook" => NOTEBOOK,
        "room" => ROOM,
        "furniture" => FURNITURE,
        "town" => TOWN,
        "vehicle" => VEHICLE,
        "music" => MUSIC,
        "woman" => WOMEN,
        "man" => MEN,
        _ => NONE,
    }
}
