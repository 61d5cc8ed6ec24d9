#pragma once

#include <cstdint>

/// Constants of the zip format (PKWARE's APPNOTE.TXT 6.3), shared by the reader and the writer.
namespace ldm::checkpoint::zip {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;

constexpr std::uint64_t kLocalHeaderSize = 30;
constexpr std::uint64_t kCentralHeaderSize = 46;
constexpr std::uint64_t kEndSize = 22;
constexpr std::uint64_t kEnd64Size = 56;
constexpr std::uint64_t kEnd64LocatorSize = 20;

constexpr std::uint16_t kZip64Extra = 0x0001;
constexpr std::uint16_t kAlignmentExtra =
    0xd935;  // padding that aligns an entry's data, as zipalign writes it

constexpr std::uint16_t kFull16 = 0xffff;      // "see the zip64 record"
constexpr std::uint32_t kFull32 = 0xffffffff;  // likewise
constexpr std::uint16_t kEncryptedFlag = 1;
constexpr std::uint16_t kSizesFollowFlag = 8;  // sizes and CRC stand behind the data, not before it
constexpr std::uint16_t kStored = 0;
constexpr std::uint16_t kDeflated = 8;

}  // namespace ldm::checkpoint::zip
