// Every text that could be walked through the double array is walked at once: from each node that some text reaches, all
// 256 bytes are followed, each node being done once.
//
// A unit u of the array holds a label, an offset, and whether a key ends there (darts-clone, by S. Yata). The byte c leads
// from base b to unit b^c if that unit's label is c, and from there to base (b^c)^offset. So whatever the text, the units
// read at base b are b^0 ... b^255, which must all exist; and what lies below a base does not depend on the way to it. Two
// ways may lead to one base (the array is a graph without cycles, since equal tails are stored once), so nodes are bases,
// visited in depth first order with a stack of our own.
//
// What libsentencepiece 0.1.97 does without the checks: Normalizer::NormalizePrefix reads outside of the map (the place of
// CVE-2026-1260), and past its array of 32 results where a text meets more than 32 keys.
// Tested by tests/verify/text/character_map_test.cc and tests/fuzz/fuzz_sentencepiece_model.cc.
#include "verify/text/character_map.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "watermark/json.h"  // Utf8SequenceLength

namespace verdigris::verify {
namespace {

constexpr uint32_t kMaxKeysOnOneWay = 32;  // Normalizer::kMaxTrieResultsSize
constexpr size_t kMaxGrowth = 64;          // NFKC needs 13 (U+FDFA, spaces as U+2581); 16 MiB x 64 stays below 2^31
constexpr uint32_t kLeafBit = uint32_t{1} << 31;

uint32_t LoadU32(std::string_view bytes, size_t at) {
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data()) + at;
  return uint32_t{p[0]} | uint32_t{p[1]} << 8 | uint32_t{p[2]} << 16 | uint32_t{p[3]} << 24;
}

// The parts of a unit (darts-clone).
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
bool EndsKey(uint32_t unit) { return (unit >> 8 & 1) != 0; }
bool HasLabel(uint32_t unit, uint32_t byte) { return (unit & (kLeafBit | 0xFF)) == byte; }

Unexpected Malformed(const std::string& cause) { return Fail(ErrorKind::kMalformed, "character map: " + cause); }

class Walk {
 public:
  explicit Walk(const CharacterMap& map) : map_(map), units_(map.trie.size() / 4), nodes_(units_) {
    // From the end: what a replacement that starts here will add to a text, where a space becomes U+2581.
    size_t grown = 0;
    size_t i = map.replacements.rfind('\0') + 1;  // nothing behind the last NUL has an end; none: 0
    growth_.resize(i);
    well_formed_.resize(i);
    while (i-- > 0) {
      const size_t length = Utf8SequenceLength(map.replacements.substr(i, 4));
      well_formed_[i] = map.replacements[i] == '\0' || (length > 0 && well_formed_[i + length]);
      grown = map.replacements[i] == '\0' ? 0 : grown + (map.replacements[i] == ' ' ? 3 : 1);
      growth_[i] = static_cast<uint32_t>(grown);
    }
  }

  Result<void> Run() {
    const uint32_t root = Offset(Unit(0));  // the library starts at unit 0, whatever its label
    VERDIGRIS_RETURN_IF_ERROR(Enter(root));
    while (!way_.empty()) {
      Step& top = way_.back();
      if (top.next == 256) {
        nodes_[top.base].state = kDone;
        done_.push_back(top.base);
        way_.pop_back();
        continue;
      }
      const uint32_t unit = top.base ^ static_cast<uint32_t>(top.next++);
      if (!IsChild(top.base, unit)) continue;
      const uint32_t below = unit ^ Offset(Unit(unit));
      if (below < units_ && nodes_[below].state == kOnTheWay) return Malformed("unit " + std::to_string(unit) + " leads back to itself");
      if (below >= units_ || nodes_[below].state == kNew) VERDIGRIS_RETURN_IF_ERROR(Enter(below));
    }
    return CheckKeys(root);
  }
  bool well_formed() const { return all_well_formed_; }  // after Run

 private:
  enum State : uint8_t { kNew, kOnTheWay, kDone };
  struct Node {
    State state = kNew;
    uint8_t keys = 0;        // most keys on a way from the root to here
    uint32_t depth = ~0u;    // fewest bytes from the root to here
  };
  struct Step {
    uint32_t base;
    int next;  // the next byte to follow
  };

  uint32_t Unit(size_t index) const { return LoadU32(map_.trie, 4 * index); }
  bool IsChild(uint32_t base, uint32_t unit) const { return HasLabel(Unit(unit), base ^ unit); }

  Result<void> Enter(uint32_t base) {
    if ((base | 0xFFu) >= units_) {
      return Malformed("place " + std::to_string(base | 0xFFu) + " is read, the trie has " + std::to_string(units_));
    }
    nodes_[base].state = kOnTheWay;
    way_.push_back({base, 0});
    return {};
  }

  // Nodes in an order where each comes before what lies below it.
  Result<void> CheckKeys(uint32_t root) {
    nodes_[root].depth = 0;
    for (auto base = done_.rbegin(); base != done_.rend(); ++base) {
      const Node& node = nodes_[*base];
      for (uint32_t c = 0; c < 256; ++c) {
        const uint32_t unit = *base ^ c;
        if (!IsChild(*base, unit)) continue;
        const uint32_t below = unit ^ Offset(Unit(unit));
        const uint32_t depth = node.depth + 1;
        uint32_t keys = node.keys;
        if (EndsKey(Unit(unit))) {
          if (++keys > kMaxKeysOnOneWay) return Malformed("more than 32 keys begin a common text");
          VERDIGRIS_RETURN_IF_ERROR(CheckReplacement(Unit(below) & ~kLeafBit, depth));
        }
        nodes_[below].keys = std::max(nodes_[below].keys, static_cast<uint8_t>(keys));
        nodes_[below].depth = std::min(nodes_[below].depth, depth);
      }
    }
    return {};
  }

  // Several ways to one key have several lengths; `key_bytes` is that of the shortest to the edge at hand.
  Result<void> CheckReplacement(uint32_t place, size_t key_bytes) {
    if (place >= growth_.size()) {
      return Malformed("replacement at " + std::to_string(place) + ", they end at " + std::to_string(growth_.size()));
    }
    if (growth_[place] > kMaxGrowth * key_bytes) return Malformed("a replacement of more than 64 times its key");
    all_well_formed_ = all_well_formed_ && well_formed_[place];
    return {};
  }

  const CharacterMap& map_;
  const size_t units_;
  std::vector<uint32_t> growth_;
  std::vector<bool> well_formed_;  // what starts here, to its NUL
  bool all_well_formed_ = true;
  std::vector<Node> nodes_;
  std::vector<Step> way_;
  std::vector<uint32_t> done_;
};

}  // namespace

Result<CharacterMap> ReadCharacterMap(std::string_view blob) {
  if (blob.empty()) return CharacterMap{};
  if (blob.size() < 4) return Malformed(std::to_string(blob.size()) + " bytes");
  const size_t trie_bytes = LoadU32(blob, 0);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes >= blob.size() - 4) {
    return Malformed("a trie of " + std::to_string(trie_bytes) + " bytes in a map of " + std::to_string(blob.size()));
  }
  CharacterMap map{blob.substr(4, trie_bytes), blob.substr(4 + trie_bytes)};
  Walk walk(map);
  VERDIGRIS_RETURN_IF_ERROR(walk.Run());
  map.well_formed = walk.well_formed();
  return map;
}

CharacterReplacements::CharacterReplacements(const CharacterMap& map) : replacements_(map.replacements) {
  units_.resize(map.trie.size() / 4);
  for (size_t i = 0; i < units_.size(); ++i) units_[i] = LoadU32(map.trie, 4 * i);
}

CharacterReplacements::Match CharacterReplacements::Longest(std::string_view text) const {
  Match longest;
  if (units_.empty()) return longest;
  uint32_t at = Offset(units_[0]), leaf = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    at ^= byte;
    const uint32_t unit = units_[at];
    if (!HasLabel(unit, byte)) break;
    at ^= Offset(unit);
    if (EndsKey(unit)) {
      longest.key_bytes = i + 1;
      leaf = units_[at];
    }
  }
  if (longest.key_bytes > 0) longest.replacement = replacements_.c_str() + (leaf & ~kLeafBit);
  return longest;
}

bool CharacterReplacements::KeyMayBegin(uint8_t first, uint8_t second) const {
  if (units_.empty()) return false;
  uint32_t at = Offset(units_[0]) ^ first;
  if (!HasLabel(units_[at], first)) return false;
  if (EndsKey(units_[at])) return true;
  at ^= Offset(units_[at]);
  return HasLabel(units_[at ^ second], second);
}

}  // namespace verdigris::verify
