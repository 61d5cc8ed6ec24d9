#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;  // OpenSSL's EVP_MD_CTX

namespace ldm::weights {

/// SHA-256 (FIPS 180-4) over bytes that come one after another.
class Sha256 {
 public:
  Sha256();
  void add(const void* data, std::size_t size);
  /// 64 lower-case hexadecimal digits; once, at the end.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// Of bytes that are there at once, likewise.
std::string sha256_of(std::string_view bytes);

}  // namespace ldm::weights
