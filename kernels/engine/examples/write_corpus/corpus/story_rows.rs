//! What happens in the stories: rows of things that belong together.

/// place | machine | symptom | wrong guess | clue | cause | fix | afterwards
pub const FAULTS: &[&str] = &[
    "the old mill|grain elevator|stopped halfway up|the motor had burnt out|the motor was still humming|a belt had slipped off its wheel|lifted the belt back and tightened it by one turn|the buckets climbed again, one after another",
    "the village laundry|big washing machine|shook so hard that it walked across the floor|a bearing was worn|it stood still when it was empty|all the wet towels had gathered on one side|took out half of the towels and spread the rest|it spun as smoothly as a top",
    "the town library|lift|would not leave the second floor|the computer had crashed|the door opened and closed again and again|a paper clip was stuck in the track of the door|pulled the clip out with a pair of pliers|the door closed with a soft click and the lift went down",
    "the harbour|crane|moved only by jerks|the cable was too old|the oil in the glass looked like milk|water had got into the oil|drained the tank and filled it with fresh oil|the arm swung out over the water without a tremble",
    "the bakery|dough mixer|stopped after every minute|the dough was too stiff|the back of the motor was hot|flour had blocked the air slots|brushed the slots clean|it kneaded until evening without a pause",
    "the school|heating pump|made a noise like gravel|there were stones in the pipe|the noise stopped when the tap was opened|air was trapped in the highest pipe|let the air out through the little valve|warm water ran through the building in silence",
    "the railway station|clock|lost ten minutes every night|its spring was tired|it was right again every noon|the cold made the old grease stiff|cleaned the wheels and used a thinner oil|the night train was on time again, or at least the clock said so",
    "the farm|water pump|ran but brought no water|the well was dry|the pipe made a sucking sound|there was a crack in the pipe above the water|cut out the cracked piece and joined the ends|clear water splashed into the trough",
    "the print shop|printing press|left a grey stripe on every page|the ink was bad|the stripe was always in the same place|a hair was lying on the roller|wiped the roller with a soft cloth|the next page came out as clean as snow",
    "the cinema|projector|showed a trembling picture|the film was damaged|every film trembled in the same way|one screw of the stand was loose|turned the screw until it held|the picture stood still as a painting",
    "the observatory|telescope|pointed a little beside every star|the map was wrong|the error was the same everywhere|somebody had bumped into the base|set the zero mark again with the help of a bright star|the planet sat exactly in the middle of the glass",
    "the sawmill|band saw|cut in a curve|the wood was twisted|it cut every plank in the same curve|one side of the blade had gone blunt|put in a sharp blade and set the guide|the next board was straight from end to end",
    "the dairy|cooling tank|stayed too warm|the cooling fluid was gone|the machine never rested|the fan was covered with dust and feathers|vacuumed the dust away|the milk was cold within the hour",
    "the bus depot|ticket printer|printed empty tickets|it was out of ink|a scratch with a fingernail left a black line|the heat paper had been put in upside down|turned the roll around|every ticket had its date and its price",
    "the theatre|stage light|flickered during every song|the lamp was old|it flickered only when the drums played|a plug was not pushed in all the way|pushed the plug in and tied the cable to a rail|the singer stood in steady golden light",
    "the brewery|bottling line|broke one bottle in fifty|the bottles were too thin|all the broken glass lay near the second curve|a guide rail was bent|straightened the rail with a hammer and a block of wood|ten thousand bottles went by without a crack",
    "the museum|music box|skipped three notes of its waltz|the comb was broken|the three notes were neighbours|a crumb of wax sat between the teeth|picked the wax out with a needle|the waltz was whole for the first time in years",
    "the post office|sorting machine|sent letters for the north to the south|the address reader was blind|it read printed labels correctly|the lens had a fingerprint on it|polished the lens|the letters flew into the right boxes",
    "the greenhouse|sprinkler|watered only one side|the pressure was too low|the dry side had the oldest nozzles|chalk from the water had closed the nozzles|laid the nozzles in vinegar for a night|a fine mist covered every leaf",
    "the fire station|garage door|opened by itself at night|a burglar had a key|it happened whenever a taxi drove past|a radio used the same signal as the remote control|changed the code of the remote control|the door stayed shut until the next alarm",
    "the weather station|wind meter|reported calm during a gale|the cable was torn|the little cups did not turn|a spider had tied the cups to the mast|brushed the web away and oiled the axle|the needle jumped to forty knots",
    "the swimming pool|filter|let green water through|the chemicals were too weak|the water was clear in the morning and green at night|the timer had stopped the pump at noon|set the timer to the whole day|the swimmers could see the tiles again",
    "the tailor shop|sewing machine|tore the thread every few stitches|the thread was cheap|it tore good thread too|the needle had a tiny hook at its tip|put in a new needle|the seam was even and strong",
    "the cheese cellar|thermometer|showed the same number for a week|the weather was unusually steady|it showed the same number in a glass of ice|its battery was empty|changed the battery and wrote the date on it|the number moved as soon as the door was opened",
];

/// dish | first ingredient | second | third | mishap | remedy | result
pub const DISHES: &[&str] = &[
    "lentil soup|lentils|carrots|bay leaves|far too much salt fell into the pot|added two potatoes and more water, and boiled it for another half hour|nobody noticed anything but the taste of thyme",
    "apple pie|apples|butter|cinnamon|the crust browned while the filling was still raw|covered the crust with foil and lowered the heat|the filling was soft and the crust stayed golden",
    "rye bread|rye flour|sourdough|caraway seeds|the dough did not rise in the cold kitchen|set the bowl beside the warm stove and waited two more hours|the loaf came out tall and fragrant",
    "tomato sauce|tomatoes|garlic|basil|the sauce tasted sour|grated a carrot into it and let it simmer|it was round and sweet without any sugar",
    "mushroom risotto|rice|mushrooms|parmesan|the rice was dry before it was tender|stirred in hot broth, one ladle at a time|every grain was soft outside and firm within",
    "potato salad|potatoes|vinegar|chives|the potatoes fell apart in the pot|mashed them with warm milk and served them as a puree instead|no one missed the salad",
    "pancakes|flour|eggs|buttermilk|the first one stuck to the pan|let the pan grow hotter and wiped it with a little oil|the second one slid out by itself",
    "vegetable curry|cauliflower|chickpeas|coconut milk|the chillies were much too hot|poured in more coconut milk and squeezed a lime over it|there was only a friendly warmth left",
    "plum jam|plums|sugar|lemon peel|the jam stayed as thin as juice|cooked it again with the peel of a green apple|it held the spoon upright",
    "onion tart|onions|cream|nutmeg|the onions began to burn|took the pan off the fire and added a spoon of water|they turned brown and sweet instead of black and bitter",
    "chocolate cake|chocolate|almonds|vanilla|the cake sank in the middle|filled the hollow with cherries and whipped cream|everybody believed that it had been planned",
    "fish stew|cod|fennel|saffron|the fish broke into tiny flakes|strained the broth and added new pieces at the very end|the fish stayed whole and tender",
    "bean chilli|black beans|peppers|cumin|the beans were still hard at six o'clock|moved everything into the pressure cooker|they were soft in twenty minutes",
    "rice pudding|rice|milk|cardamom|the milk burnt at the bottom|poured the top into a clean pot without scraping|not a trace of smoke could be tasted",
    "pea omelette|eggs|peas|mint|the omelette tore when it was turned|scrambled it on purpose and scattered mint over it|it looked exactly like the picture in a different book",
    "pumpkin soup|pumpkin|ginger|sour cream|the soup became thick enough to stand on|thinned it with orange juice|it shone in the bowls like the evening sun",
];

/// plant | trouble | wrong guess | sign | cause | remedy | result
pub const GARDENS: &[&str] = &[
    "tomatoes|their leaves curled like old paper|it was a disease|the soil was dry below the first finger|only the surface had been watered|watered slowly and deeply every third day|the leaves opened and the first fruits turned red",
    "beans|the young plants vanished overnight|birds had eaten them|there was a silver trail on the ground|slugs came out after dark|laid rough bark around the bed and collected the slugs by lamplight|the vines climbed to the top of their poles",
    "carrots|they grew short and forked|the seeds were poor|the spade struck stones|the ground was full of gravel|sieved the earth and built a higher bed|the next carrots were as long as a hand",
    "roses|black spots covered the leaves|someone had spilled ink|the spots came after every rainy week|the leaves stayed wet too long|cut out the middle of each bush so that the wind could dry it|clean new leaves came, and then the buds",
    "lettuce|it shot up and tasted bitter|the soil was too poor|it happened in the hottest week|the days had been too long and too hot|sowed again in the shade of the beans|the heads were crisp and sweet",
    "sunflowers|they all leaned to one side|the wind had bent them|they leaned to the east every morning|young sunflowers follow the light|did nothing but wait until they were grown|they stood upright with their faces to the morning",
    "strawberries|the fruit was nibbled before it was ripe|the neighbour's children came by|the bites were small and came at dawn|blackbirds liked them too|hung a net over the bed and left one plant outside for the birds|there were enough for jam and for the blackbirds",
    "pumpkins|the flowers fell off without fruit|there was too little water|no bees could be seen|nothing carried the pollen|moved the pollen with a soft brush and sowed borage for the bees|a pumpkin grew as big as a stool",
    "the pear tree|it had not borne fruit for three years|it was simply too old|the branches inside were bare and dark|it had never been pruned|took out every third branch in winter|in spring it was white with blossom",
    "basil|it turned yellow on the windowsill|it needed more sun|the pot had no hole|its roots stood in water|moved it into a pot with a hole and watered less|it smelled so strong that it could be found in the dark",
    "leeks|they were as thin as pencils|it was the wrong kind|the cabbages beside them were huge|the cabbages took all the food|gave the leeks a bed of their own with ripe compost|they were thick and white by the first frost",
    "the lawn|it had round brown patches|a fungus was spreading|the patches lay exactly where chairs had stood|no light had reached the grass|moved the chairs every few days and scattered new seed|it was green again within a month",
    "potatoes|their skins were green|they were unripe|the green ones lay near the surface|they had seen the sun|heaped more earth over the rows and threw the green ones away|the harvest was yellow and clean",
    "lavender|it died after its first winter|the frost had been too hard|the plant on the stony slope was alive|wet feet kill it sooner than cold|mixed sand into the ground and planted it on a little mound|it hummed with bees all through July",
];

/// job | symptom | wrong guess | measurement | cause | fix | result
pub const CLUSTERS: &[&str] = &[
    "training run|ran at a third of its speed|the accelerators were too slow|they were idle for two seconds out of three|the pictures were read from a slow disk, one by one|packed the pictures into large files and read the next batch early|the accelerators were busy nearly all of the time",
    "training run|got slower when eight more machines were added|the new machines were broken|most of each step was spent waiting for gradients|one old switch carried all the traffic|moved the machines to the faster switch and sent gradients while the next layer was still computing|sixteen machines did almost twice the work of eight",
    "language model|ran out of memory at the first step|the model was too large for the machine|the weights took only a quarter of the memory|the activations of a long batch filled the rest|cut the batch into four small ones and added up their gradients|the same training fitted with room to spare",
    "nightly job|failed every night at the same hour|the power was unstable|the log ended while a file was being written|the disk was full of old checkpoints|kept only the last two checkpoints|it finished before breakfast",
    "language model|had a loss that suddenly was not a number|the data was poisoned|it happened right after the learning rate had grown|the first steps were much too large|warmed the learning rate up over a thousand steps|the curve fell smoothly for the whole night",
    "chat service|answered the first word late|the model was too big|the words after the first came quickly|long questions were waiting behind one another|let short questions pass and cut the long ones into pieces|the first word came in half a second",
    "image classifier|knew every training picture but failed on new ones|it needed more layers|the error on held-out pictures had been rising for days|it had learnt its examples by heart|stopped at the lowest held-out error and turned and mirrored the pictures|it recognised cats that it had never seen",
    "matrix product|reached a tenth of the peak|the compiler was bad|the memory was busy all the time and the arithmetic units were not|every number was fetched again for each product|worked on small tiles that stayed in fast memory|each number was used sixteen times before it was given back",
    "speech model|gave another result on every run|the hardware was unreliable|the first step was already different|the order of the data was drawn from the clock|wrote the seed into the settings and the checkpoint|two runs agreed to the last bit",
    "recommendation model|stopped for minutes several times a day|the network was failing|the pauses came exactly on the hour|every machine saved its checkpoint at the same moment|copied the weights to memory first and let them drift to the disk in the background|the pauses shrank to a blink",
    "translation model|was accurate but far too slow on small computers|the code was careless|each word needed all the weights to be read once|reading the weights took longer than using them|stored the weights in eight bits instead of thirty-two|it was almost four times as quick and lost hardly any accuracy",
    "simulation|used only one of sixteen cores|the other cores were defective|fifteen threads were waiting for the same lock|everybody wrote into one shared list|gave each thread its own list and joined them at the end|all sixteen cores were warm",
    "training run|lost a whole day after a power cut|the backup was broken|the newest checkpoint was a day old|nobody had tested how often it was saved|saved every ten minutes and practised the restart|the next power cut cost nine minutes",
    "weather model|waited for its slowest machine at every step|the slow machine had a virus|its fan was turning at full speed|it was hot and had lowered its own clock|cleaned the dust from its cooler|all machines reached the line together",
];

/// what comes | sign | what could be hurt | preparation | what happened | what was learnt
pub const STORMS: &[&str] = &[
    "a thunderstorm|the clouds grew into towers and the swallows flew low|the hay in the upper field|brought the hay under the roof before four o'clock|lightning struck the lonely oak, and hail drummed on the barn|a cloud that grows upwards is a cloud in a hurry",
    "a snowstorm|the wind turned to the north and the light went yellow|the road to the doctor|filled the lamps, stacked wood by the door and put chains on the tractor|the snow reached the windowsills, but the tractor reached the road|it is easier to clear a road twice than once too late",
    "a flood|the river rose by a hand in one hour|the books on the lowest shelves|carried the books upstairs and laid sandbags across the door|the water stopped at the second step|a marked stick in the river tells more than a long argument",
    "a gale|the pressure fell faster than anyone could remember|the glass of the greenhouse|closed the windows, tied down the roof and parked the cart against the wall|three tiles flew away, but no pane was broken|falling pressure is the footstep of the wind",
    "a drought|the well was lower every evening|the young apple trees|covered the ground with straw and watered only after sunset|the trees dropped some leaves but lived|shade and straw are worth as much as a second well",
    "a late frost|the sky was clear and the air stood still|the peach blossom|lit small fires between the rows and covered the lowest branches|ice lay on the grass, and none of it on the flowers|cold air flows downhill like water and waits in the hollows",
    "a fog|warm air came over the cold sea|the fishing boats beyond the rocks|rang the bell at the end of the pier every two minutes|the boats came in one by one, following the sound|when eyes fail, a steady signal is worth more than a bright one",
    "a heat wave|the nights no longer cooled down|the old people on the upper floors|opened the windows at night, closed the shutters by day and carried water from door to door|the rooms stayed cool enough to sleep in|a house keeps the night's cold if the day is kept outside",
    "freezing rain|rain fell while the thermometer showed one degree below zero|the steps in front of the school|scattered sand on the steps and hung a rope along the path|the trees turned to glass, but nobody fell|ice needs no snow, only cold ground and a little rain",
    "a sandstorm|a brown wall stood on the horizon|the engines of the water pumps|wrapped the engines in cloth and stopped them in time|the sand came in through every crack except those|a machine that rests for an hour can work for a year",
];

/// thing | whose | why it was needed | where it really was | how it got there
pub const LOST: &[&str] = &[
    "the brass key|the caretaker|the concert hall had to be opened at seven|in the pocket of the coat {they} was wearing|{they} had put it there so as not to lose it",
    "a pair of reading glasses|the librarian|the mayor wanted to read a speech|on {their} own forehead|{they} had pushed them up to look at the clouds",
    "the recipe for ginger bread|the whole family|the fair was on Sunday|between two pages of an atlas|it had served as a bookmark in the middle of Africa",
    "a silver whistle|the ferry captain|the fog was coming|inside a seashell on the windowsill|a child had tried whether the shell would sing",
    "the red screwdriver|the workshop|the radio had to be mended before the match|in the flower pot beside the door|it had been used to loosen the earth and was left there",
    "a box of coloured chalk|the teacher|the new pupils were to draw the planets|in the refrigerator|it had been carried there together with the milk",
    "the left boot|the gardener|the beds were deep in mud|in the basket of the dog|it smelled more interesting than the right one",
    "the sheet with the password|the night shift|the machines had to be restarted|under the keyboard of the printer|somebody had wanted to hide it well and had hidden it from everybody",
    "the tape measure|the carpenter|the window was to be cut that day|around the trunk of the walnut tree|{they} had measured the tree in spring and had been called away",
    "the backup disk|the office|the old computer had died|in a drawer with the label \"miscellaneous\"|nobody had known what else to call a thing that is needed once in ten years",
    "the chess queen|the club|the final was about to begin|in the sugar bowl|it had replaced a broken spoon for an evening",
    "the map of the caves|the rescue team|two hikers were late|on the wall behind the door|it had hung there for so long that nobody saw it any more",
];
