# The libraries that ldm stands on, as imported targets of our own. Used by the build and by the installed
# package alike. Small ones are linked statically where they can be, so that programs can be carried around.

# LibTorch: the wheel's own CMake package insists on a CUDA toolkit, so its two libraries are taken directly.
if(NOT TARGET ldm::torch)
  if(NOT LDM_TORCH_DIR)
    file(GLOB LDM_TORCH_CANDIDATES "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
    list(GET LDM_TORCH_CANDIDATES 0 LDM_TORCH_DIR)
  endif()
  if(NOT EXISTS "${LDM_TORCH_DIR}/lib/libtorch_cpu.so")
    message(FATAL_ERROR "expected LibTorch (lib/libtorch_cpu.so) in '${LDM_TORCH_DIR}'; run environment/setup.sh, "
                        "or set LDM_TORCH_DIR to a folder of torch 2.11")
  endif()
  add_library(ldm::c10 SHARED IMPORTED)
  set_target_properties(ldm::c10 PROPERTIES IMPORTED_LOCATION "${LDM_TORCH_DIR}/lib/libc10.so")
  add_library(ldm::torch SHARED IMPORTED)
  set_target_properties(
    ldm::torch
    PROPERTIES IMPORTED_LOCATION "${LDM_TORCH_DIR}/lib/libtorch_cpu.so"
               INTERFACE_INCLUDE_DIRECTORIES
               "${LDM_TORCH_DIR}/include;${LDM_TORCH_DIR}/include/torch/csrc/api/include"
               INTERFACE_LINK_LIBRARIES ldm::c10
               # libtorch_cpu names libraries that its own rpath finds at run time, not the linker.
               INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
endif()

# ldm_find_dependency(NAME header LIBRARY...): ldm::NAME, the first of the libraries, if that and the header are found.
function(ldm_find_dependency name header)
  find_path(LDM_${name}_INCLUDE_DIR ${header} PATH_SUFFIXES opencv4 freetype2)
  find_library(LDM_${name}_LIBRARY NAMES ${ARGN})
  if(NOT TARGET ldm::${name} AND LDM_${name}_INCLUDE_DIR AND LDM_${name}_LIBRARY)
    add_library(ldm::${name} UNKNOWN IMPORTED)
    set_target_properties(ldm::${name} PROPERTIES IMPORTED_LOCATION "${LDM_${name}_LIBRARY}"
                                                  INTERFACE_INCLUDE_DIRECTORIES "${LDM_${name}_INCLUDE_DIR}")
  endif()
endfunction()

# ldm_static_dependency(NAME header LIBRARY...): the same, the static archive where there is one; it must be found.
function(ldm_static_dependency name header)
  ldm_find_dependency(${name} ${header} ${ARGN})
  if(NOT TARGET ldm::${name})
    message(FATAL_ERROR "expected ${name} (${header} and one of: ${ARGN}); run environment/setup.sh")
  endif()
endfunction()
ldm_static_dependency(yaml_cpp yaml-cpp/yaml.h libyaml-cpp.a yaml-cpp)
ldm_static_dependency(utf8proc utf8proc.h libutf8proc.a utf8proc)
ldm_static_dependency(zlib zlib.h libz.a z)
ldm_static_dependency(png png.h libpng16.a libpng.a png16 png)
# A static libpng asks for these. Its symbols stay inside the program: OpenCV, where it is loaded, brings its own.
set_target_properties(ldm::png PROPERTIES INTERFACE_LINK_LIBRARIES "ldm::zlib;m"
                                          INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,libpng16.a:libpng.a")
ldm_static_dependency(crypto openssl/evp.h libcrypto.a crypto)
# A static libcrypto asks for these, and stays inside the program as libpng does.
find_package(Threads REQUIRED)
set_target_properties(ldm::crypto PROPERTIES INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS}"
                                             INTERFACE_LINK_OPTIONS "LINKER:--exclude-libs,libcrypto.a")

# OpenCV, for ldm::images alone: a project that uses the installed ldm::ldm needs none.
ldm_find_dependency(opencv_core opencv2/core.hpp opencv_core)
ldm_find_dependency(opencv_imgcodecs opencv2/imgcodecs.hpp opencv_imgcodecs)
ldm_find_dependency(opencv_imgproc opencv2/imgproc.hpp opencv_imgproc)

# FreeType, for the demo's programs alone.
ldm_find_dependency(freetype ft2build.h freetype)

# jemalloc, for training: where memory is taken and given back all the time, it is much faster than glibc's.
ldm_find_dependency(jemalloc jemalloc/jemalloc.h libjemalloc_pic.a jemalloc)
if(NOT TARGET ldm::jemalloc)
  message(STATUS "ldm: no jemalloc, training will be slower")
endif()
