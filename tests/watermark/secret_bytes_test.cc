// Moves and copies of secret buffers. That freed bytes were wiped is checked by the core-image test of the tool
// (keys-and-evidence.md E14.6): reading freed memory here would itself be a fault.
#include "watermark/secret_bytes.h"

#include <array>
#include <type_traits>

#include <doctest/doctest.h>

namespace verdigris {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes>);
static_assert(!std::is_copy_assignable_v<SecretBytes>);
static_assert(std::is_nothrow_move_constructible_v<SecretBytes>);

TEST_CASE("secret bytes start as zeros") {
  SecretBytes bytes(64);
  REQUIRE(bytes.size() == 64);
  for (uint8_t b : bytes.span()) CHECK(b == 0);
}

TEST_CASE("moving secret bytes leaves the source empty and keeps the address") {
  SecretBytes a = SecretBytes::Copy(std::array<uint8_t, 3>{1, 2, 3});
  const uint8_t* address = a.data();
  SecretBytes b(std::move(a));
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move): the promise under test
  CHECK(b.data() == address);
  SecretBytes c(5);
  c = std::move(b);
  CHECK(b.empty());  // NOLINT(bugprone-use-after-move)
  CHECK(c.view() == std::string_view("\1\2\3", 3));
}

TEST_CASE("moving secret bytes onto themselves keeps them") {
  SecretBytes a = SecretBytes::Copy(std::array<uint8_t, 3>{1, 2, 3});
  SecretBytes& alias = a;
  a = std::move(alias);
  CHECK(a.view() == std::string_view("\1\2\3", 3));
}

TEST_CASE("wiped and default secret bytes are empty") {
  SecretBytes a(7);
  a.wipe();
  CHECK(a.empty());
  CHECK(a.data() == nullptr);
  CHECK(SecretBytes().view().empty());
}

}  // namespace
}  // namespace verdigris
