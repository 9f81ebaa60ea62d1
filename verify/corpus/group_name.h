// Which group a document belongs to (corpus.md C7, --group-by).
#pragma once

#include <string>
#include <string_view>

#include "watermark/result.h"

namespace verdigris::verify {

class GroupNamer {
 public:
  // "none", "host", "source", "path:N" with N from 1 to 64, "field:NAME".
  // Errors   kInvalidArgument for anything else.
  static Result<GroupNamer> Create(std::string_view by);

  bool pools() const { return kind_ != Kind::kNone; }
  // What ReadOptions::group_field must be.
  std::string_view field() const;
  // The name for a record: `group` as its reader gives it. Views of the arguments or of `buffer`; may be empty, which is a
  // name like any other.
  std::string_view NameOf(std::string_view uri, std::string_view group, std::string& buffer) const;

 private:
  enum class Kind { kNone, kHost, kSource, kPath, kField };
  Kind kind_ = Kind::kNone;
  size_t parts_ = 0;
  std::string field_;
};

}  // namespace verdigris::verify
