import type { ReactNode } from "react";
import { Dialog as AriaDialog } from "react-aria-components/Dialog";
import { Heading } from "react-aria-components/Heading";
import { Modal, ModalOverlay } from "react-aria-components/Modal";

import style from "./Dialog.module.css";

interface Properties {
  title: string;
  isOpen: boolean;
  onClose: () => void;
  children: ReactNode;
}

/** Over the page; on a phone it rises from the foot. Keeps the focus, and gives it back. */
export default function Dialog({ title, isOpen, onClose, children }: Properties) {
  return (
    <ModalOverlay
      className={style.shade ?? ""}
      isOpen={isOpen}
      isDismissable
      onOpenChange={(open) => {
        if (!open) onClose();
      }}
    >
      <Modal className={style.box ?? ""}>
        <AriaDialog className={style.dialog ?? ""}>
          <Heading slot="title" className={style.title ?? ""}>
            {title}
          </Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
