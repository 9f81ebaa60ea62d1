// Units: the work that is done whole or not at all, and the list of it (corpus.md C3).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "watermark/json.h"
#include "watermark/key.h"
#include "watermark/result.h"

namespace verdigris::verify {

inline constexpr size_t kMostUriBytes = 16384;    // a path of 4,096 bytes, each as %XX, and its --base
inline constexpr size_t kMostFieldBytes = 1024;   // of `path`
inline constexpr uint64_t kMostInputs = 100'000'000;

struct Unit {
  std::string format;  // FormatName, or "table"
  std::string path;    // text or ids field, or empty
  uint64_t segment = 0;
  int64_t size = -1;  // of the file as it lies; -1 for standard input
  uint64_t unit_bytes = 0;
  std::string uri;
  bool operator==(const Unit&) const = default;
};

// Canonical, no line feed. Precondition: CheckUnit.
std::string UnitJson(const Unit& unit);
// SHA-256 of UnitJson.
Digest UnitId(const Unit& unit);
// kInvalidArgument naming the member: text that is no UTF-8 or too long, numbers out of bounds.
Result<void> CheckUnit(const Unit& unit);
// Errors   kMalformed naming the member.
Result<Unit> ParseUnit(const Json& json, std::string path_in_messages = "");

// An input of the list. `unit.segment` is 0 and not written.
struct ListedInput {
  Unit unit;
  int64_t mtime_ns = 0;  // written as a decimal string, since it passes 2^53
  bool seekable = false;
  uint64_t segments = 0;  // 0: not known
  bool operator==(const ListedInput&) const = default;
};

// units.jsonl: `verdigris.units/1`, then an input a line, by URI (bytes), none twice.
struct UnitListHead {
  uint64_t inputs = 0;
  Digest run{};
};
std::string UnitListHeadJson(const UnitListHead& head);
std::string ListedInputJson(const ListedInput& input);
Result<UnitListHead> ParseUnitListHead(std::string_view line);
Result<ListedInput> ParseListedInput(std::string_view line);

struct UnitList {
  Digest run{};
  std::vector<ListedInput> inputs;
};
// The whole file in memory.
std::string UnitListJson(const UnitList& list);
// Errors   name the line. kMalformed: also for an order that is not that of the URIs, or another number of lines than stated.
Result<UnitList> ParseUnitList(std::string_view bytes);
// The file line by line. Errors   as LineReader and ParseUnitList, with the place.
Result<UnitList> ReadUnitList(const std::string& path);

}  // namespace verdigris::verify
