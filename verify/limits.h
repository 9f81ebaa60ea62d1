// What a test of this project does not show: L1 to L7 of keys-and-evidence.md E7, byte for byte. Every report ends with them.
#pragma once

#include <string_view>

namespace verdigris::verify {

inline constexpr std::string_view kLimits[7] = {
    "This is not the probability that the suspect is derived from the provider's outputs, nor the probability that it is not.",
    "It does not identify a person, and it does not show who wrote any particular sentence.",
    "A provider-layer result concerns the provider's marked outputs of the epoch as a whole, and no account. "
    "An account-layer result concerns outputs issued under that account's key.",
    "The same signal can have other causes: the suspect quotes, or was trained on, public text that contains marked outputs; "
    "the prompts contained marked text; someone who collected many outputs imitates the mark; the key leaked. "
    "The controls listed address these causes only as far as each of them says.",
    "A low score is not evidence of independence. Paraphrase, translation and countermeasures during training weaken or remove the mark.",
    "The p-value assumes that the key was chosen at random, independently of the suspect text, and was secret until that text existed. "
    "The commitment and its time stamp support this; they cannot show that the key was random.",
    "When the suspect came into being, the custody entries and the controls are statements of the signer; this check did not verify them.",
};

}  // namespace verdigris::verify
