# `ninja tidy`: clang-tidy over the sources that differ from LDM_TIDY_BASE (about 20 s for each file).
set(LDM_TIDY_BASE "HEAD" CACHE STRING "Git revision that the tidy target compares with")
find_program(LDM_CLANG_TIDY clang-tidy)
if(LDM_CLANG_TIDY)
  # clang cannot read GCC's precompiled header: the same commands, with the header itself in its place.
  set(LDM_TIDY_COMMANDS "${CMAKE_BINARY_DIR}/tidy")
  add_custom_target(
    tidy
    COMMAND ${CMAKE_COMMAND} -E make_directory ${LDM_TIDY_COMMANDS}
    COMMAND
      sh -c
      "sed -E 's| -Winvalid-pch -include [^ ]*cmake_pch.hxx| -include torch/nn/module.h|; s| -fpch-preprocess||' ${CMAKE_BINARY_DIR}/compile_commands.json > ${LDM_TIDY_COMMANDS}/compile_commands.json"
    COMMAND
      sh -c
      "git diff --name-only --diff-filter=d ${LDM_TIDY_BASE} -- '*.cpp' | xargs -r ${LDM_CLANG_TIDY} -p ${LDM_TIDY_COMMANDS} --quiet"
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    COMMENT "clang-tidy over the files changed since ${LDM_TIDY_BASE}"
    VERBATIM)
endif()
