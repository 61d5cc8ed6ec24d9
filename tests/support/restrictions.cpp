#include "tests/support/restrictions.h"

#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "tests/support/files.h"

namespace ldm::testing {
namespace {

constexpr uid_t kNobody = 65534;

void require(bool success, const char* what) {
  if (!success) throw std::runtime_error(std::string("the test itself failed: ") + what);
}

}  // namespace

SmallDisk::SmallDisk(std::size_t bytes) : path_(new_folder()) {
  const std::string options = "size=" + std::to_string(bytes);
  mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

SmallDisk::~SmallDisk() {
  if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
}

FileSizeLimit::FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
  require(::getrlimit(RLIMIT_FSIZE, &before_) == 0, "getrlimit");
  const rlimit small{bytes, before_.rlim_max};
  require(::setrlimit(RLIMIT_FSIZE, &small) == 0, "setrlimit");
}

FileSizeLimit::~FileSizeLimit() {
  ::setrlimit(RLIMIT_FSIZE, &before_);
  std::signal(SIGXFSZ, handler_);
}

WithoutRoot::WithoutRoot() : before_(::geteuid()) {
  if (before_ == 0) require(::seteuid(kNobody) == 0, "seteuid");
}

WithoutRoot::~WithoutRoot() {
  if (before_ == 0 && ::seteuid(before_) != 0) std::abort();
}

}  // namespace ldm::testing
